-- One atomic verb, one function, one Python method of the same name.
-- VERSION is replaced by a hash of this file, so two versions of it live side by side during a rolling deploy.
-- Times are seconds since 2020-01-01T00:00:00Z. Nothing here loops over more than one visitor's bounded fields.

-- The fields of a visitor's hash: 't' = newest time given out, below zero while the cookie has not come back;
-- 's<ref>' = last seen at that advertiser with no product to tell it;
-- 'v<ref>:<product>' viewed, 'c<ref>:<product>' in the cart, 'b<ref>:<product>' bought, each with its time;
-- 'r' = consent receipt: four bytes since when, then the receipt; 'f<ref>' = ads of that line item, ten bytes for each
-- of its windows: length in seconds (4), when it began (4), ads in it (2), big-endian.
local EVICTION_ORDER = { v = 1, s = 2, c = 3, b = 4 }
local NEWEST_VIEWS = 32
local TIME = '>I4'
local WINDOW = '>I4I4I2'
local WINDOW_BYTES = 10
local MOST_COUNTED = 65535

-- Drop the oldest entries until `keep` fields are left: views before everything else, so that a cart or a purchase
-- outlives any flood of views; but the newest views last of all, so that it can not keep them out either. An eighth more
-- than needed goes, so that a busy visitor is not sorted on every event. Receipt and frequency stay.
local function evict(key, keep)
  local flat = redis.call('HGETALL', key)
  local entries = {}
  for i = 1, #flat, 2 do
    local order = EVICTION_ORDER[string.sub(flat[i], 1, 1)]
    if order then
      entries[#entries + 1] = { order, tonumber(flat[i + 1]), flat[i] }
    end
  end
  local function older(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end
  table.sort(entries, older)
  local views = 0
  while views < #entries and entries[views + 1][1] == EVICTION_ORDER.v do views = views + 1 end
  for i = math.max(1, views - NEWEST_VIEWS + 1), views do entries[i][1] = 5 end
  table.sort(entries, older)
  for i = 1, math.min(#entries, #flat / 2 - math.floor(keep * 7 / 8)) do
    redis.call('HDEL', key, entries[i][3])
  end
end

-- Live for at least `ttl` seconds from now on; never shorten.
local function live(key, ttl)
  if redis.call('TTL', key) < ttl then redis.call('EXPIRE', key, ttl) end
end

-- Write what happened to any number of products, each at a time of its own, and a new receipt if there is one.
-- Returns how many fields are new.
local function record_products(key, now, sign, receipt, ref, action, args, first)
  now = tonumber(now)
  local kept = action == 'v' or action == 'c' or action == 'b'
  local write, drop = {}, {}
  for i = first, #args do
    local suffix = ref .. ':' .. args[i]
    if kept then
      write[#write + 1] = action .. suffix
      write[#write + 1] = now + i - first
    end
    if action == 'b' or action == 'd' then drop[#drop + 1] = 'c' .. suffix end
    if action == 'u' then drop[#drop + 1] = 'b' .. suffix end
  end
  local newest = now + math.max(0, #write / 2 - 1)
  if #write == 0 then write = { 's' .. ref, now } end
  if receipt then
    write[#write + 1] = 'r'
    write[#write + 1] = struct.pack(TIME, now) .. receipt
  end
  local added = redis.call('HSET', key, 't', sign .. newest, unpack(write))
  if #drop > 0 then redis.call('HDEL', key, unpack(drop)) end
  return added
end

-- KEYS[1] the visitor. ARGV: now, ttl in seconds, '1' when the cookie came back and '0' when it is new, most fields
-- kept, consent receipt (empty: leave it), advertiser ref,
-- action ('v' view, 'c' cart, 'b' buy, 'd' take out of the cart, 'u' undo a purchase, 's' seen), product ids...
-- A time is given out once per visitor and always grows, so the order of products is exact even within one second.
-- Called for every event: one product of a view or a cart takes the short way, without tables and with `now` left the
-- text it came as, because every number given to a command is formatted again. The ttl begins anew with the first event
-- in each hundredth of it, which saves most writes.
-- Returns how many fields are new.
local function record_event(keys, args)
  local key, now, ttl, receipt, ref, action = keys[1], args[1], tonumber(args[2]), args[5], args[6], args[7]
  local last, held
  if receipt == '' then
    last = redis.call('HGET', key, 't')
  else
    local both = redis.call('HMGET', key, 't', 'r')
    last, held = both[1], both[2]
  end
  last = tonumber(last) or 0
  local sign = (last > 0 or args[3] == '1') and '' or '-'
  local newest = math.abs(last)
  if tonumber(now) <= newest then now = newest + 1 end

  local renewed = receipt ~= '' and not (held and string.sub(held, 5) == receipt)
  local added
  if #args == 8 and not renewed and (action == 'v' or action == 'c') then
    added = redis.call('HSET', key, 't', sign .. now, action .. ref .. ':' .. args[8], now)
  else
    added = record_products(key, now, sign, renewed and receipt, ref, action, args, 8)
  end
  if last <= 0 or math.floor(100 * now / ttl) ~= math.floor(100 * last / ttl) then live(key, ttl) end
  if added > 0 and redis.call('HLEN', key) > tonumber(args[4]) then evict(key, tonumber(args[4])) end
  return added
end

-- KEYS[1] the visitor. ARGV: retention in seconds.
-- The cookie of a new visitor came back: it is kept for the retention from now on. Nothing happens to any other, nor to
-- a key that holds nothing but frequency.
local function keep_visitor(keys, args)
  local newest = tonumber(redis.call('HGET', keys[1], 't')) or 0
  if newest >= 0 then return 0 end
  redis.call('HSET', keys[1], 't', -newest)
  live(keys[1], tonumber(args[1]))
  return 1
end

-- When the window of `length` seconds began and how many ads it counts, out of a line item's field; nothing when it has
-- ended or was never there.
local function window_at(packed, length, now)
  for at = 1, #packed, WINDOW_BYTES do
    local held, began, count = struct.unpack(WINDOW, packed, at)
    if held == length and now < began + length then return began, count end
  end
end

-- The windows of one line item with one more ad in each, and for how many seconds the last of them runs;
-- nothing when a cap holds no more. `args` from `first`: limit and length in seconds of each of `caps`.
local function one_more(packed, now, args, first, caps)
  local counted, runs = {}, 0
  for i = 0, caps - 1 do
    local limit, length = tonumber(args[first + 2 * i]), tonumber(args[first + 2 * i + 1])
    local began, count = window_at(packed, length, now)
    began, count = began or now, count or 0
    if count >= limit then return end
    counted[i + 1] = struct.pack(WINDOW, length, began, math.min(count + 1, MOST_COUNTED))
    runs = math.max(runs, began + length - now)
  end
  return table.concat(counted), runs
end

-- Keep at most `keep` line items in a visitor's frequency: those go first of which every window has ended, then those
-- whose newest window is the oldest. `written` stays, and an eighth more than needed goes.
local function evict_frequency(key, keep, written, now)
  local flat = redis.call('HGETALL', key)
  local entries = {}
  for i = 1, #flat, 2 do
    if flat[i] ~= written and string.sub(flat[i], 1, 1) == 'f' then
      local running, newest = 0, 0
      for at = 1, #flat[i + 1], WINDOW_BYTES do
        local length, began = struct.unpack(WINDOW, flat[i + 1], at)
        if now < began + length then running = 1 end
        newest = math.max(newest, began)
      end
      entries[#entries + 1] = { running, newest, flat[i] }
    end
  end
  if #entries < keep then return end
  table.sort(entries, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  for i = 1, #entries + 1 - math.floor(keep * 7 / 8) do
    redis.call('HDEL', key, entries[i][3])
  end
end

-- KEYS[1] the visitor. ARGV: now, most line items kept, then for each offer: line item ref, number of its caps, and
-- limit and length in seconds of each cap.
-- A window begins with the first ad in it. The first offer of which every cap holds is counted, and no other.
-- Returns its place, from 0; -1 for none.
local function reserve(keys, args)
  local key, now = keys[1], tonumber(args[1])
  local at, place = 3, 0
  while at < #args do
    local field, caps = 'f' .. args[at], tonumber(args[at + 1])
    if caps == 0 then return place end
    local packed, runs = one_more(redis.call('HGET', key, field) or '', now, args, at + 2, caps)
    if packed then
      local added = redis.call('HSET', key, field, packed)
      live(key, runs)
      local keep = tonumber(args[2])
      if added > 0 and redis.call('HLEN', key) > keep then evict_frequency(key, keep, field, now) end
      return place
    end
    at, place = at + 2 + 2 * caps, place + 1
  end
  return -1
end

-- KEYS[1] the decision. ARGV: what is counted, how long that can still be claimed in seconds, the caller's claim (may
-- be left out). Returns 1 for the first caller, and again when it comes back with the claim it made, unless that is
-- empty; 0 for all others.
local function bill(keys, args)
  local key, item, claim = keys[1], args[1], args[3] or ''
  local billed = redis.call('HSETNX', key, item, claim)
  live(key, tonumber(args[2]))
  if billed == 0 and claim ~= '' and redis.call('HGET', key, item) == claim then return 1 end
  return billed
end

-- KEYS[1] the stream, KEYS[2] what is remembered of one writer. ARGV: number of the batch, growing with each batch of
-- that writer and below 2^53; payload; about how many entries the stream may have; how long the number is remembered,
-- in seconds.
-- Returns 1 if appended, 0 if that batch or a later one of the same writer had been.
local function append_events(keys, args)
  if tonumber(redis.call('GET', keys[2]) or 0) >= tonumber(args[1]) then return 0 end
  redis.call('XADD', keys[1], 'MAXLEN', '~', args[3], '*', 'b', args[2])
  redis.call('SET', keys[2], args[1], 'EX', args[4])
  return 1
end

-- KEYS[1] the snapshot. ARGV: revision, body. Returns 1 if published, 0 if that or a newer one is there.
local function publish_snapshot(keys, args)
  if tonumber(redis.call('HGET', keys[1], 'revision') or 0) >= tonumber(args[1]) then return 0 end
  redis.call('HSET', keys[1], 'revision', args[1], 'body', args[2])
  return 1
end

-- Members that are kept of one item group; if any of the group is in stock, one of them is.
local MOST_MEMBERS = 8

-- The members of a group with one more: '1' or '0' for whether one of them is in stock, then their ids, one a line.
local function with_member(held, id, stock)
  if not held then return stock .. id end
  local some, ids = string.sub(held, 1, 1), string.sub(held, 2)
  if string.find('\n' .. ids .. '\n', '\n' .. id .. '\n', 1, true) then return held end
  local _, count = string.gsub(ids, '\n', '\n')
  if count + 1 < MOST_MEMBERS then return (some == '1' and some or stock) .. ids .. '\n' .. id end
  if some == '1' or stock == '0' then return held end
  return '1' .. string.gsub(ids, '[^\n]*$', '') .. id
end

-- KEYS[1] the products, KEYS[2] the item groups, of a version that nobody reads yet. ARGV: its time to live in seconds;
-- number of products; each one's id and what it is packed to; then, for those that belong to a group: group, id, '1'
-- if in stock, else '0'. A group that has the name of a product is that product.
-- Returns how many ids are new.
local function add_products(keys, args)
  local products, groups, first = keys[1], keys[2], 3 + 2 * tonumber(args[2])
  local added = redis.call('HSET', products, unpack(args, 3, first - 1))
  redis.call('EXPIRE', products, args[1])
  local ids, members, write = {}, {}, {}
  for i = 3, first - 1, 2 do ids[#ids + 1] = args[i] end
  redis.call('HDEL', groups, unpack(ids))
  for i = first, #args, 3 do
    local group = args[i]
    if members[group] == nil then
      members[group] = redis.call('HEXISTS', products, group) == 0 and { redis.call('HGET', groups, group) }
    end
    if members[group] then members[group][1] = with_member(members[group][1], args[i + 1], args[i + 2]) end
  end
  for group, held in pairs(members) do
    if held then
      write[#write + 1] = group
      write[#write + 1] = held[1]
    end
  end
  if #write > 0 then
    redis.call('HSET', groups, unpack(write))
    redis.call('EXPIRE', groups, args[1])
  end
  return added
end

-- About so many changes are told at a time; a worker that has missed some forgets all products that it holds.
local MOST_CHANGES = 4096

-- KEYS[1] the versions of all catalogs, KEYS[2] when each feed was last found good, KEYS[3] the changes.
-- ARGV: advertiser ref, new version, version expected before (0: none), second when its feed was found good.
-- Returns 1 if the new version is current now, 0 if another one had become current meanwhile.
local function swap_catalog(keys, args)
  local before = redis.call('HGET', keys[1], args[1]) or '0'
  if before ~= args[3] then return 0 end
  redis.call('HSET', keys[1], args[1], args[2], 'latest', args[2])
  redis.call('HINCRBY', keys[1], 'swaps', 1)
  redis.call('HSET', keys[2], args[1], args[4])
  redis.call('XADD', keys[3], 'MAXLEN', '~', MOST_CHANGES, '*', 'ref', args[1], 'version', args[2])
  return 1
end

-- The same KEYS. ARGV: advertiser ref, second when its feed was found good and unchanged. It never goes back.
-- Returns 1, or 0 if the advertiser has no catalog.
local function touch_catalog(keys, args)
  if redis.call('HEXISTS', keys[1], args[1]) == 0 then return 0 end
  if tonumber(redis.call('HGET', keys[2], args[1]) or 0) < tonumber(args[2]) then
    redis.call('HSET', keys[2], args[1], args[2])
    redis.call('XADD', keys[3], 'MAXLEN', '~', MOST_CHANGES, '*', 'ref', args[1], 'checked', args[2])
  end
  return 1
end

-- The same KEYS. ARGV: advertiser ref, the version that is current. The catalog is forgotten.
-- Returns 1, or 0 if another version had become current meanwhile.
local function drop_catalog(keys, args)
  if redis.call('HGET', keys[1], args[1]) ~= args[2] then return 0 end
  redis.call('HDEL', keys[1], args[1])
  redis.call('HDEL', keys[2], args[1])
  redis.call('XADD', keys[3], 'MAXLEN', '~', MOST_CHANGES, '*', 'ref', args[1], 'version', 0)
  return 1
end

-- KEYS[1] the products of one version, KEYS[2] the patches of that advertiser (left out: not told). ARGV: id, the packed
-- product as it was read, what it becomes, the change, how long imports may need to hear of it in seconds.
-- Returns 1, or 0 if the product has changed meanwhile or is gone.
local function patch_product(keys, args)
  if redis.call('HGET', keys[1], args[1]) ~= args[2] then return 0 end
  redis.call('HSET', keys[1], args[1], args[3])
  if keys[2] then
    local oldest = (tonumber(redis.call('TIME')[1]) - tonumber(args[5])) * 1000
    redis.call('XADD', keys[2], 'MINID', '~', string.format('%d', oldest), '*', 'id', args[1], 'change', args[4])
    redis.call('EXPIRE', keys[2], args[5])
  end
  return 1
end

redis.register_function('record_event_VERSION', record_event)
redis.register_function('keep_visitor_VERSION', keep_visitor)
redis.register_function('reserve_VERSION', reserve)
redis.register_function('bill_VERSION', bill)
redis.register_function('append_events_VERSION', append_events)
redis.register_function('publish_snapshot_VERSION', publish_snapshot)
redis.register_function('add_products_VERSION', add_products)
redis.register_function('swap_catalog_VERSION', swap_catalog)
redis.register_function('touch_catalog_VERSION', touch_catalog)
redis.register_function('drop_catalog_VERSION', drop_catalog)
redis.register_function('patch_product_VERSION', patch_product)
