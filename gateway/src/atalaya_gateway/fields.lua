-- Refuses a JSON body with a field that its message does not have, so that who misspells one is told. It knows no more of
-- JSON than where names stand; what is no JSON is for the transcoder to refuse. The table MESSAGES stands before this.

local QUOTE, BACKSLASH, COMMA = 34, 92, 44
local OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST = 123, 125, 91, 93
local DEEPEST = 64
local LONGEST = 256 * 1024

-- Gives the place of the quote that ends the text which begins after `position`; nil where there is none.
local function end_of_text(text, position)
  while true do
    position = position + 1
    local byte = text:byte(position)
    if byte == nil or byte == QUOTE then return byte and position end
    if byte == BACKSLASH then position = position + 1 end
  end
end

-- `kind` is the name of a message, or true for what may hold anything.
local function unknown_field(text, kind)
  local depth, position, name_is_next = 0, 1, false
  -- By depth: whether it is an object, its fields (nil where any name goes), and the kind of a list's elements.
  local is_object, fields, elements = {}, {}, {}
  while true do
    local byte = text:byte(position)
    if byte == nil then return nil end
    if byte == QUOTE then
      local stop = end_of_text(text, position)
      if stop == nil then return nil end
      if name_is_next then
        local name, known = text:sub(position + 1, stop - 1), fields[depth]
        name_is_next, kind = false, true
        -- A name that is written with escapes is not judged.
        if known ~= nil and not name:find("\\", 1, true) then
          kind = known[name] or known["*"]
          if kind == nil then return name end
        end
      end
      position = stop
    elseif byte == OPEN_OBJECT or byte == OPEN_LIST then
      depth = depth + 1
      if depth > DEEPEST then return nil end
      is_object[depth] = byte == OPEN_OBJECT
      fields[depth] = is_object[depth] and MESSAGES[kind] or nil
      elements[depth] = kind
      name_is_next = is_object[depth]
    elseif byte == CLOSE_OBJECT or byte == CLOSE_LIST then
      depth, name_is_next = depth - 1, false
    elseif byte == COMMA then
      name_is_next = is_object[depth] or false
      kind = elements[depth]
    end
    position = position + 1
  end
end

-- Answers a request whose body has a field that its message, named by the route, does not have.
local function refuse_unknown_field(handle, headers)
  local length = tonumber(headers:get("content-length") or "")
  if length == nil or length == 0 or length > LONGEST then return end
  local message = handle:metadata():get("message")
  if message == nil then return end
  local body = handle:body()
  local name = body and unknown_field(body:getBytes(0, body:length()), message)
  if name == nil then return end
  -- The form of errors comes from the mapper of Envoy's own replies.
  handle:respond({ [":status"] = "400" }, "The body has a field that there is not: " .. name:gsub("[^%w_.-]", "?"):sub(1, 100))
end
