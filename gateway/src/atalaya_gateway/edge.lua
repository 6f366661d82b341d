-- What no other filter does: API keys as bearer tokens, HEAD, traces, and the replies' statuses and bodies over REST.

-- Gives the path of rejected rows as a file where the caller asks for CSV on the path of the list; nil for all others.
local function as_file(method, path, accept)
  if not path:find("/rejected", 1, true) then return nil end
  local place, query = path:match("^([^?]*)(.*)$")
  if method ~= "GET" or not place:match("^/api/v1/data/imports/.+/rejected$") then return nil end
  local csv, json = accept:lower():find("text/csv", 1, true), accept:lower():find("json", 1, true)
  if csv == nil or (json ~= nil and json < csv) then return nil end
  return place .. ".csv" .. query
end

-- Gives the request's id and credential, as they were noted for the reply. A note is copied whole to be read, which most
-- replies spare themselves.
local function noted(notes)
  local note = notes:get("atalaya")
  if note == nil then return "", "" end
  return note["request"]:match("^([^\n]*)\n(.*)$")
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local notes = handle:streamInfo():dynamicMetadata()
  local request_id, authorization = headers:get("x-request-id") or "", headers:get("authorization")
  local caller = credential(headers, authorization) or ""
  notes:set("atalaya", "request", request_id .. "\n" .. caller)
  if refuse_again(handle, caller) then return end
  local timeout = headers:get("grpc-timeout")
  if timeout ~= nil and not timeout:find("^%d+[HMSmun]$") and not is_grpc(headers) then
    -- gRPC's own library would answer 500.
    headers:remove("grpc-timeout")
  end
  if headers:get(":method") == "HEAD" then
    -- The transcoder knows GET only; the body is dropped on the way back.
    headers:replace(":method", "GET")
    notes:set("atalaya.head", "is", true)
  end
  local file = as_file(headers:get(":method"), headers:get(":path"), headers:get("accept") or "")
  if file ~= nil then
    headers:replace(":path", file)
    handle:clearRouteCache()
  end
  if headers:get("traceparent") == nil then
    -- The trace bears the request's id, so either finds the other in any log. Where Envoy has a tracer, that one wins.
    local id = request_id:gsub("-", "")
    if #id == 32 then headers:add("traceparent", "00-" .. id .. "-" .. id:sub(17) .. "-01") end
  end
  if authorization ~= nil then
    local key = authorization:match("^[Bb][Ee][Aa][Rr][Ee][Rr] +(atl_.+)$")
    if key ~= nil then
      -- The token's check would refuse what is no JWT.
      headers:replace("x-api-key", key)
      headers:remove("authorization")
    end
  end
  refuse_unknown_field(handle, headers)
end

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local VALUES = {}
for index = 1, 64 do VALUES[ALPHABET:byte(index)] = index - 1 end

local function decode(text)
  local bytes, bits, count = {}, 0, 0
  for index = 1, #text do
    local value = VALUES[text:byte(index)]
    if value ~= nil then
      bits = bits * 64 + value
      count = count + 6
      if count >= 8 then
        count = count - 8
        local unit = 2 ^ count
        local byte = math.floor(bits / unit)
        bytes[#bytes + 1] = string.char(byte)
        bits = bits - byte * unit
      end
    end
  end
  return table.concat(bytes)
end

-- Reasons of errors that come from gRPC itself, which knows none of ours.
local REASONS = {
  ["1"] = "CANCELLED", ["3"] = "INVALID_ARGUMENT", ["4"] = "DEADLINE_EXCEEDED", ["5"] = "NOT_FOUND",
  ["7"] = "PERMISSION_DENIED", ["8"] = "RESOURCE_EXHAUSTED", ["12"] = "UNIMPLEMENTED", ["13"] = "INTERNAL",
  ["14"] = "UNAVAILABLE", ["16"] = "UNAUTHENTICATED",
}

-- Gives a google.rpc.Status that the transcoder wrote the form of our errors; nil where the body is none.
local function as_error(text, request_id)
  local code, message = text:match('^{"code":(%d+),"message":(".-"),"details":%[')
  if code == nil then return nil end
  local reason = text:match('"reason":"([A-Z0-9_]+)"') or REASONS[code] or "UNKNOWN"
  return '{"detail":' .. message .. ',"code":"' .. reason .. '","request_id":"' .. request_id .. '"}'
end

local function drop_body(handle)
  for chunk in handle:bodyChunks() do chunk:setBytes("") end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local status, body = headers:get("x-http-status"), headers:get("x-error-body")
  headers:remove("x-http-status")
  headers:remove("x-error-body")
  local content_type = headers:get("content-type") or ""
  if content_type:sub(1, 16) == "application/grpc" then return end

  headers:remove("grpc-status")
  headers:remove("grpc-message")
  headers:remove("grpc-status-details-bin")
  headers:remove("grpc-accept-encoding")
  headers:remove("grpc-encoding")
  -- Of a file, which here has lost gRPC's frames; without a length nobody would notice that the rest of it is missing.
  local length = headers:get("x-content-length")
  headers:remove("x-content-length")
  if length ~= nil then headers:replace("content-length", length) end
  if status ~= nil then headers:replace(":status", status) else status = headers:get(":status") end
  if status == "401" and headers:get("www-authenticate") == nil then
    headers:add("www-authenticate", 'Bearer realm="atalaya"')
  end
  if status == "415" and headers:get("accept") == nil then
    local accept = handle:metadata():get("accept")
    if accept ~= nil then headers:add("accept", accept) end
  end
  local notes = handle:streamInfo():dynamicMetadata()
  if notes:get("atalaya.head") ~= nil then
    -- Else the compressor, which comes next, writes the frame of an empty text where no body may be.
    headers:add("cache-control", "no-transform")
    return drop_body(handle)
  end
  if body ~= nil then
    headers:replace("content-type", "application/json")
    local text = decode(body)
    if status == "429" then
      local _, caller = noted(notes)
      remember_refusal(handle, headers, caller, text)
    end
    handle:body(true):setBytes(text)
  elseif tonumber(status) >= 400 and content_type:sub(1, 16) == "application/json" then
    -- First, since notes are out of reach once the body has been waited for.
    local request_id = noted(notes)
    local buffer = handle:body(true)
    local text = as_error(buffer:getBytes(0, buffer:length()), request_id)
    if text ~= nil then buffer:setBytes(text) end
  end
end
