-- Refuses over REST, for a second after a service has done so, who is over a limit: the service would say the same, since
-- only time empties a full window and refused calls are counted nowhere. Each worker of Envoy remembers by itself.

local REMEMBERED_MILLISECONDS = 1000
local MOST_REFUSALS = 1000
local refusals, number_of_refusals = {}, 0

local function is_grpc(headers)
  return (headers:get("content-type") or ""):sub(1, 16) == "application/grpc"
end

-- Gives what a REST call brings to prove who makes it, to the letter; nil where that is nothing.
local function credential(headers, authorization)
  if is_grpc(headers) then return nil end
  local key = headers:get("x-api-key")
  if authorization == nil and key == nil then return nil end
  return (authorization or "") .. "\n" .. (key or "")
end

-- Answers where the same credential was refused a moment ago.
local function refuse_again(handle, caller)
  local refusal = refusals[caller]
  if refusal ~= nil then
    if tonumber(handle:timestamp()) < refusal.ends_at then
      -- The body comes from the mapper of Envoy's own replies.
      handle:respond(refusal.headers, "")
      return true
    end
    refusals[caller] = nil
    number_of_refusals = number_of_refusals - 1
  end
  return false
end

-- Remembers a refusal by a service's limits, of whose window more than a second is left.
local function remember_refusal(handle, headers, caller, body)
  local retry_after = headers:get("retry-after")
  if caller == "" or (tonumber(retry_after or "") or 0) < 2 then return end
  if not body:find('"code":"RATE_LIMITED"', 1, true) or refusals[caller] ~= nil then return end
  if number_of_refusals >= MOST_REFUSALS then refusals, number_of_refusals = {}, 0 end
  local told = { [":status"] = "429", ["retry-after"] = retry_after }
  for _, name in ipairs({ "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset" }) do
    told[name] = headers:get(name)
  end
  refusals[caller] = { headers = told, ends_at = tonumber(handle:timestamp()) + REMEMBERED_MILLISECONDS }
  number_of_refusals = number_of_refusals + 1
end

