-- ZMTP 3.1 (RFC 37) for Wireshark versions that do not know it: `tshark -X lua_script:zmtp.lua -d tcp.port==5555,zmtp`.

local zmtp = Proto("zmtp", "ZeroMQ Message Transport Protocol")

local fields = {
  version = ProtoField.string("zmtp.version", "Version"),
  mechanism = ProtoField.string("zmtp.mechanism", "Mechanism"),
  as_server = ProtoField.bool("zmtp.as_server", "As server"),
  more = ProtoField.bool("zmtp.flags.more", "More frames follow", 8, nil, 0x01),
  long = ProtoField.bool("zmtp.flags.long", "Length in eight bytes", 8, nil, 0x02),
  command = ProtoField.bool("zmtp.flags.command", "Command", 8, nil, 0x04),
  length = ProtoField.uint64("zmtp.length", "Length"),
  name = ProtoField.string("zmtp.command.name", "Name"),
  property = ProtoField.string("zmtp.property", "Property"),
  body = ProtoField.bytes("zmtp.body", "Body"),
}
for _, field in pairs(fields) do
  table.insert(zmtp.fields, field)
end

local GREETING = 64

-- A greeting begins with FF, which no frame does: the upper bits of its flags are reserved.
local function greeting(bytes, tree)
  local version = string.format("%d.%d", bytes(10, 1):uint(), bytes(11, 1):uint())
  local mechanism = bytes(12, 20):stringz()
  local part = tree:add(zmtp, bytes, string.format("Greeting, ZMTP %s, %s", version, mechanism))
  part:add(fields.version, bytes(10, 2), version)
  part:add(fields.mechanism, bytes(12, 20), mechanism)
  part:add(fields.as_server, bytes(32, 1))
  return "greeting"
end

-- Name and value pairs: a byte and four bytes of length.
local function properties(bytes, tree)
  local at = 0
  while at < bytes:len() do
    local name_length = bytes(at, 1):uint()
    local value_at = at + 1 + name_length + 4
    local value_length = bytes(value_at - 4, 4):uint()
    local name = bytes(at + 1, name_length):string()
    local value = value_length > 0 and bytes(value_at, value_length):string() or ""
    tree:add(fields.property, bytes(at, value_at + value_length - at), name .. ": " .. value)
    at = value_at + value_length
  end
end

local function command(body, tree)
  local name_length = body(0, 1):uint()
  local name = body(1, name_length):string()
  tree:add(fields.name, body(1, name_length), name)
  local rest = body:len() - 1 - name_length
  if rest > 0 then
    local data = body(1 + name_length, rest)
    if name == "READY" then properties(data, tree) else tree:add(fields.body, data) end
  end
  return name
end

local function frame(bytes, header, length, tree)
  local flags = bytes(0, 1):uint()
  local is_command = bit.band(flags, 0x04) ~= 0
  local part = tree:add(zmtp, bytes, is_command and "Command" or "Frame")
  for _, flag in ipairs({ "more", "long", "command" }) do
    part:add(fields[flag], bytes(0, 1))
  end
  part:add(fields.length, bytes(1, header - 1))
  if length == 0 then return "empty frame" end
  local body = bytes(header, length)
  if is_command then return command(body, part) end
  part:add(fields.body, body)
  return string.format("%d bytes", length)
end

-- Length of what begins at `at`, and of its header; nothing when more bytes must come first.
local function extent(buffer, at)
  local there = buffer:len() - at
  local flags = buffer(at, 1):uint()
  if flags == 0xFF then return GREETING, 0 end
  local header = bit.band(flags, 0x02) ~= 0 and 9 or 2
  if there < header then return nil end
  local length = header == 2 and buffer(at + 1, 1):uint() or buffer(at + 1, 8):uint64():tonumber()
  return header + length, header
end

function zmtp.dissector(buffer, packet, tree)
  packet.cols.protocol = "ZMTP"
  local at, said = 0, {}
  while at < buffer:len() do
    local length, header = extent(buffer, at)
    if length == nil or length > buffer:len() - at then
      packet.desegment_offset = at
      packet.desegment_len = length and length - (buffer:len() - at) or DESEGMENT_ONE_MORE_SEGMENT
      break
    end
    local bytes = buffer(at, length)
    table.insert(said, header == 0 and greeting(bytes, tree) or frame(bytes, header, length - header, tree))
    at = at + length
  end
  packet.cols.info = table.concat(said, ", ")
  return buffer:len()
end

DissectorTable.get("tcp.port"):add_for_decode_as(zmtp)
