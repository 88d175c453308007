-- A lean retargeting server: what nginx and Lua can do when as little as possible is done. Commands are written to
-- Valkey as they stand in the protocol (RESP2), through pooled connections, one write per request and trip.

local gif = ngx.decode_base64("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
local retention_s = "7776000"
local page_head = '<!doctype html>\n<html><head><meta charset="utf-8"><title>Ad</title>\n'
    .. "<style>body { margin: 0; font: 13px sans-serif } .tile { float: left; width: 33% } img { max-width: 100% }"
    .. "</style>\n</head><body>\n"
local server = {}

local function bulk(text)
    return "$" .. #text .. "\r\n" .. text .. "\r\n"
end

local function connected()
    local socket = ngx.socket.tcp()
    socket:settimeout(5000)
    assert(socket:connect(server.valkey))
    return socket
end

-- One reply, with the array's elements where it is one; an error ends the request.
local function reply(socket)
    local line = assert(socket:receive())
    local kind, rest = line:sub(1, 1), line:sub(2)
    if kind == ":" then
        return rest
    elseif kind == "$" then
        local size = tonumber(rest)
        if size < 0 then
            return nil
        end
        return assert(socket:receive(size + 2)):sub(1, -3)
    elseif kind == "*" then
        local found = {}
        for _ = 1, tonumber(rest) do
            found[#found + 1] = reply(socket)
        end
        return found
    end
    error(line)
end

local function new_visitor()
    return ngx.md5(ngx.now() .. ":" .. math.random() .. ":" .. ngx.var.connection .. ":" .. ngx.var.connection_requests)
end

function server.pixel()
    local known = ngx.var.cookie_nginx
    local visitor = known or new_visitor()
    local key = bulk("nginx:u:" .. visitor)
    local product = ngx.unescape_uri(ngx.var.arg_p)
    local socket = connected()
    assert(socket:send({
        "*4\r\n$4\r\nZADD\r\n", key, bulk(tostring(ngx.now())), bulk(product),
        "*4\r\n$15\r\nZREMRANGEBYRANK\r\n", key, "$1\r\n0\r\n$3\r\n-51\r\n",
        "*3\r\n$6\r\nEXPIRE\r\n", key, bulk(retention_s),
    }))
    reply(socket)
    reply(socket)
    reply(socket)
    socket:setkeepalive(60000, 512)
    local headers = ngx.header
    headers["Content-Type"] = "image/gif"
    headers["Content-Length"] = #gif
    headers["Cache-Control"] = "no-store"
    if not known then
        headers["Set-Cookie"] = "nginx=" .. visitor .. "; Max-Age=" .. retention_s .. "; Path=/; HttpOnly; SameSite=Lax"
    end
    ngx.print(gif)
end

-- Products are stored as four texts, one per line, escaped when they were written: link, image, title, price.
local function tile(product)
    local link, image, title, price = product:match("^(.-)\n(.-)\n(.-)\n(.*)$")
    return '\n<a class="tile" href="' .. link .. '" target="_blank" rel="noopener">\n<img src="' .. image
        .. '" alt=""><span>' .. title .. "</span><b>" .. price .. "</b></a>\n"
end

function server.ad()
    local visitor = ngx.var.cookie_nginx
    if not visitor then
        return ngx.exit(204)
    end
    local socket = connected()
    assert(socket:send({ "*4\r\n$9\r\nZREVRANGE\r\n", bulk("nginx:u:" .. visitor), "$1\r\n0\r\n$1\r\n2\r\n" }))
    local ids = reply(socket)
    if #ids == 0 then
        socket:setkeepalive(60000, 512)
        return ngx.exit(204)
    end
    local command = { "*" .. #ids + 2 .. "\r\n$5\r\nHMGET\r\n$14\r\nnginx:products\r\n" }
    for _, id in ipairs(ids) do
        command[#command + 1] = bulk(id)
    end
    assert(socket:send(command))
    local found = reply(socket)
    socket:setkeepalive(60000, 512)
    local parts = { page_head }
    for _, product in pairs(found) do
        parts[#parts + 1] = tile(product)
    end
    parts[#parts + 1] = "</body></html>\n"
    local body = table.concat(parts)
    local headers = ngx.header
    headers["Content-Type"] = "text/html; charset=utf-8"
    headers["Content-Length"] = #body
    headers["Cache-Control"] = "no-store"
    ngx.print(body)
end

return server
