-- One atomic verb, one function, one Python method of the same name.
-- VERSION is replaced by a hash of this file, so two versions of it live side by side during a rolling deploy.
-- Times are seconds since 2020-01-01T00:00:00Z. Nothing here loops over more than one visitor's bounded fields.

-- The fields of a visitor's hash: 't' = newest time given out; 's<ref>' = last seen at that advertiser;
-- 'v<ref>:<product>' viewed, 'c<ref>:<product>' in the cart, 'b<ref>:<product>' bought, each with its time.
local EVICTION_ORDER = { v = 1, s = 2, c = 3, b = 4 }
local NEWEST_VIEWS = 32

-- Drop the oldest entries until `keep` are left: views before everything else, so that a cart or a purchase outlives
-- any flood of views; but the newest views last of all, so that it can not keep them out either. An eighth more than
-- needed goes, so that a busy visitor is not sorted on every event.
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
  for i = 1, #entries - math.floor(keep * 7 / 8) do
    redis.call('HDEL', key, entries[i][3])
  end
end

-- KEYS[1] the visitor. ARGV: now, ttl in seconds, most entries kept, advertiser ref,
-- action ('v' view, 'c' cart, 'b' buy, 'd' take out of the cart, 'u' undo a purchase, 's' seen), product ids...
-- A time is given out once per visitor and always grows, so the order of products is exact even within one second.
-- Returns the number of entries.
local function record_event(keys, args)
  local key = keys[1]
  local ref, action = args[4], args[5]
  local last = tonumber(redis.call('HGET', key, 't') or 0)
  local now = math.max(tonumber(args[1]), last + 1)
  local write = { 's' .. ref, now }
  local drop = {}
  for i = 6, #args do
    local suffix = ref .. ':' .. args[i]
    if action == 'v' or action == 'c' or action == 'b' then
      write[#write + 1] = action .. suffix
      write[#write + 1] = now
      now = now + 1
    end
    if action == 'b' or action == 'd' then drop[#drop + 1] = 'c' .. suffix end
    if action == 'u' then drop[#drop + 1] = 'b' .. suffix end
  end
  write[#write + 1] = 't'
  write[#write + 1] = now
  redis.call('HSET', key, unpack(write))
  if #drop > 0 then redis.call('HDEL', key, unpack(drop)) end
  redis.call('EXPIRE', key, args[2])
  local count = redis.call('HLEN', key)
  if count > tonumber(args[3]) then
    evict(key, tonumber(args[3]))
    count = redis.call('HLEN', key)
  end
  return count
end

-- KEYS[1] the visitor. ARGV: retention in seconds, the short life of a new id in seconds.
-- A key still in its short life is kept for the retention from now on: its cookie came back.
-- Returns the flat fields and values; empty for an unknown visitor.
local function read_visitor(keys, args)
  local flat = redis.call('HGETALL', keys[1])
  if #flat > 0 and redis.call('TTL', keys[1]) <= tonumber(args[2]) then
    redis.call('EXPIRE', keys[1], args[1])
  end
  return flat
end

-- KEYS[1] the decision. ARGV: what is counted, how long that can still be claimed in seconds.
-- Returns 1 for the first caller, 0 for all others.
local function bill(keys, args)
  local first = redis.call('HSETNX', keys[1], args[1], 1)
  if redis.call('TTL', keys[1]) < tonumber(args[2]) then redis.call('EXPIRE', keys[1], args[2]) end
  return first
end

-- KEYS[1] the snapshot. ARGV: revision, body. Returns 1 if published, 0 if that or a newer one is there.
local function publish_snapshot(keys, args)
  if tonumber(redis.call('HGET', keys[1], 'revision') or 0) >= tonumber(args[1]) then return 0 end
  redis.call('HSET', keys[1], 'revision', args[1], 'body', args[2])
  return 1
end

-- KEYS[1] the versions of all catalogs. ARGV: advertiser ref, new version, version expected before (0: none).
-- Returns 1 if the new version is current now, 0 if another one had become current meanwhile.
local function swap_catalog(keys, args)
  local before = redis.call('HGET', keys[1], args[1]) or '0'
  if before ~= args[3] then return 0 end
  redis.call('HSET', keys[1], args[1], args[2])
  redis.call('HINCRBY', keys[1], 'swaps', 1)
  return 1
end

redis.register_function('record_event_VERSION', record_event)
redis.register_function('read_visitor_VERSION', read_visitor)
redis.register_function('bill_VERSION', bill)
redis.register_function('publish_snapshot_VERSION', publish_snapshot)
redis.register_function('swap_catalog_VERSION', swap_catalog)
