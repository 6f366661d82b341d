-- Refuses a bad token at the edge. What cannot be judged here goes on to the service, which checks every token anyway:
-- while auth is away Envoy may have no keys, a key that auth has just made is not known to it, and API keys are no tokens.

local UNDECIDED = {
  ["Jwt is missing"] = true,
  ["Jwks remote fetch is failed"] = true,
  ["Jwks doesn't have key to match kid or alg from Jwt"] = true,
}
local EXPIRED = "Jwt is expired"

local function body(code, detail, request_id)
  return '{"detail":"' .. detail .. '","code":"' .. code .. '","request_id":"' .. request_id .. '"}'
end

function envoy_on_request(handle)
  local verdict = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")
  local refused = verdict ~= nil and verdict["refused"] or nil
  if refused == nil or UNDECIDED[refused["message"]] then return end

  local code, detail = "TOKEN_INVALID", "The access token is not valid."
  if refused["message"] == EXPIRED then code, detail = "TOKEN_EXPIRED", "The access token has expired." end
  -- Behind the transcoder every call is gRPC; the other Lua filter makes the reply of a REST call from the last three.
  local request_id = (handle:headers():get("x-request-id") or ""):gsub('[^%w._:-]', "")
  handle:respond({
    [":status"] = "200",
    ["content-type"] = "application/grpc",
    ["grpc-status"] = "16",
    ["grpc-message"] = detail,
    ["www-authenticate"] = 'Bearer realm="atalaya", error="invalid_token"',
    ["x-http-status"] = "401",
    ["x-error-body"] = handle:base64Escape(body(code, detail, request_id)),
  })
end
