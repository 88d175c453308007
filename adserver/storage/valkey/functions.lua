-- One atomic verb, one function, one Python method of the same name.
-- VERSION is replaced by a hash of this file, so two versions of it live side by side during a rolling deploy.
-- Times are seconds since 2020-01-01T00:00:00Z. Nothing here loops over more than one visitor's bounded fields.

-- The fields of a visitor's hash. Numbers in packed values are big-endian.
-- 't' = newest time given out, below zero while the cookie has not come back;
-- 's<ref>' = last seen at that advertiser with no product to tell it;
-- 'v<ref>:<product>' viewed: time + 2^29 for each view beside the first, up to three; 'c<ref>:<product>' in the cart:
-- time; 'b<ref>:<product>' bought: time, or time:order; the product is empty where the purchase named none;
-- 'r' = consent receipt: four bytes since when, then the receipt; 'e<ref>' = digest of the e-mail address given there;
-- 'n<name>' = times (4 each) at which something happened that a rule counts, newest first;
-- 'h<ref>:<product>' = hidden by the visitor, by the name of its item group: time, or time:product where that has another;
-- 'x<name>' = a campaign or an experiment met: since when (4), purchases since (2), arm;
-- 'a<ref>', 'g<campaign>', 'f<ref>', 'p<ref>:<product>', 'd<ref>:<product>' = ads of that advertiser, campaign, line
-- item, with that product, and with it since it was clicked. Ten bytes for each window: length in seconds (4), when it
-- began (4), ads in it (2); where the length is 0 (4), the numbers of up to three claims follow that are counted there;
-- 'q' = the claims whose ads nobody has seen yet: number of the newest claim (2), then for each its number (2), when it
-- was taken (4), when it is given back (4), how its decision's id begins (5).
local EVICTION_ORDER = { v = 1, s = 2, e = 3, c = 3, b = 4 }
local NEWEST_VIEWS = 32
local LEVEL = 536870912
local MOST_LEVELS = 3
local TIME = '>I4'
local TIME_BYTES = 4
local WINDOW = '>I4I4I2'
local WINDOW_BYTES = 10
local CLAIMS = '>I4I2I2I2'
local LIMIT = '>I4I2'
local LIMIT_BYTES = 6
local NUMBER = '>I2'
local NUMBER_BYTES = 2
local PENDING = '>I2I4I4c5'
local PENDING_BYTES = 15
local PENDING_UNTIL = '>I2I4I4' -- without its decision
local PENDING_UNTIL_BYTES = 10
local MOST_PENDING = 12
local EXPOSURE = '>I4I2'
local EXPOSURE_BYTES = 6
local MOST_COUNTED = 65535
local COUNTERS = { a = true, g = true, f = true, p = true, d = true }
-- What is counted is given up in this order; windows that have all ended before everything else.
local FREQUENCY_ORDER = { d = 1, p = 2, a = 3, g = 3, f = 3, n = 3, x = 3 }

-- The time in what a view, a visit, a cart or a purchase holds; 0 for what has none.
local function time_in(order, value)
  if order == EVICTION_ORDER.v then return tonumber(value) % LEVEL end
  return tonumber(string.match(value, '^%d+')) or 0
end

-- Whether more than `keep` fields of a visitor are such as are evicted for products.
local function too_many(key, keep)
  local count = 0
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if EVICTION_ORDER[string.sub(field, 1, 1)] then count = count + 1 end
  end
  return count > keep
end

-- Drop the oldest products, visits and addresses until `keep` are left: views before everything else, so that a cart or
-- a purchase outlives any flood of views; but the newest views last of all, so that it can not keep them out either. An
-- eighth more than needed goes, so that a busy visitor is not sorted on every event. Receipt and frequency stay.
local function evict(key, keep)
  local flat = redis.call('HGETALL', key)
  local entries = {}
  for i = 1, #flat, 2 do
    local order = EVICTION_ORDER[string.sub(flat[i], 1, 1)]
    if order then
      local at = string.sub(flat[i], 1, 1) == 'e' and 0 or time_in(order, flat[i + 1])
      entries[#entries + 1] = { order, at, flat[i] }
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

-- Keep at most `keep` fields in a visitor's frequency, `written` among them: those go first of which every window has
-- ended, then what is the least harm to forget, the oldest first. An eighth more than needed goes.
local function evict_frequency(key, keep, written, now)
  local flat = redis.call('HGETALL', key)
  local entries, count = {}, 0
  for i = 1, #flat, 2 do
    local letter, value = string.sub(flat[i], 1, 1), flat[i + 1]
    local order, newest = FREQUENCY_ORDER[letter], 0
    if order then count = count + 1 end
    if order and not written[flat[i]] then
      if COUNTERS[letter] then
        local running = false
        for at = 1, #value, WINDOW_BYTES do
          local length, began = struct.unpack(WINDOW, value, at)
          if length > 0 then
            running = running or now < began + length
            newest = math.max(newest, began)
          end
        end
        order = running and order or 0
      else
        newest = struct.unpack(TIME, value)
      end
      entries[#entries + 1] = { order, newest, flat[i] }
    end
  end
  if count <= keep then return end
  table.sort(entries, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  for i = 1, math.min(#entries, count - math.floor(keep * 7 / 8)) do
    redis.call('HDEL', key, entries[i][3])
  end
end

-- Live for at least `ttl` seconds from now on; never shorten.
local function live(key, ttl)
  if redis.call('TTL', key) < ttl then redis.call('EXPIRE', key, ttl) end
end

-- What a view of a product at `now` becomes that is held as `held`. A view that may be written for the second time
-- (`again`) is one more only if its time `came` is newer than what is there.
local function viewed(held, now, came, again)
  local level = math.floor(held / LEVEL)
  if level < MOST_LEVELS and not (again and held % LEVEL >= came) then level = level + 1 end
  return now + level * LEVEL
end

-- Packed times, newest first and at most `keep`, with one more; the same when `again` and it is there.
local function with_time(packed, came, keep, again)
  local at = 1
  while at <= #packed and struct.unpack(TIME, packed, at) > came do at = at + TIME_BYTES end
  if again and at <= #packed and struct.unpack(TIME, packed, at) == came then return packed end
  local all = string.sub(packed, 1, at - 1) .. struct.pack(TIME, came) .. string.sub(packed, at)
  return string.sub(all, 1, keep * TIME_BYTES)
end

-- The fields of a visitor that begin with `head`; with `order` only those of that order.
local function fields_of(key, head, order)
  local flat, found = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do
    if string.sub(flat[i], 1, #head) == head and (not order or string.match(flat[i + 1], ':(.*)$') == order) then
      found[#found + 1] = flat[i]
    end
  end
  return found
end

-- What is not there any more after a purchase ('b'), a refund ('u') or when something was taken out of the cart ('d').
-- A refund of products in an order leaves those that were bought again in another one.
local function dropped(key, ref, action, order, args, first)
  local named = first <= #args
  if action == 'b' and not named then return fields_of(key, 'c' .. ref .. ':') end
  if action == 'u' and not named then return fields_of(key, 'b' .. ref .. ':', order ~= '' and order) end
  local fields = {}
  for i = first, #args do
    local field = (action == 'u' and 'b' or 'c') .. ref .. ':' .. args[i]
    local bought_in = action == 'u' and order ~= '' and string.match(redis.call('HGET', key, field) or '', ':(.*)$')
    if not bought_in or bought_in == order then fields[#fields + 1] = field end
  end
  return fields
end

-- Write what happened to any number of products, each at a time of its own, and what else is to be written.
-- Returns how many fields are new.
local function record_products(key, now, came, sign, write, ref, action, order, args, first, again)
  now = tonumber(now)
  local newest, others, suffix = now, #write, order ~= '' and ':' .. order or ''
  if action == 'v' or action == 'c' or (action == 'b' and first <= #args) then
    local fields = {}
    for i = first, #args do fields[#fields + 1] = action .. ref .. ':' .. args[i] end
    local held = action == 'v' and #fields > 0 and redis.call('HMGET', key, unpack(fields)) or {}
    newest = now + math.max(0, #fields - 1)
    for i, field in ipairs(fields) do
      local value = now + i - 1
      if held[i] then value = viewed(tonumber(held[i]), value, came, again) end
      write[#write + 1] = field
      write[#write + 1] = value .. suffix
    end
  elseif action == 'b' then
    write[#write + 1] = 'b' .. ref .. ':'
    write[#write + 1] = now .. suffix
  end
  if #write == others then
    write[#write + 1] = 's' .. ref
    write[#write + 1] = now
  end
  local drop = {}
  if action == 'b' or action == 'd' or action == 'u' then drop = dropped(key, ref, action, order, args, first) end
  local added = redis.call('HSET', key, 't', sign .. newest, unpack(write))
  if #drop > 0 then redis.call('HDEL', key, unpack(drop)) end
  return added
end

-- What stands between the action and the products of an event that has more to tell: digest of the e-mail address,
-- order, most fields in a visitor's frequency, number of counters, name of each and how many times it keeps. What is to
-- be written is added to `write`; returns order, most fields, names of the counters, where the products begin.
local function read_more(key, came, ref, args, write, again)
  if args[8] ~= '' then
    write[#write + 1] = 'e' .. ref
    write[#write + 1] = args[8]
  end
  local counters, first = {}, 12 + 2 * tonumber(args[11])
  for i = 12, first - 1, 2 do
    local field = 'n' .. args[i]
    counters[field] = true
    write[#write + 1] = field
    write[#write + 1] = with_time(redis.call('HGET', key, field) or '', came, tonumber(args[i + 1]), again)
  end
  return args[9], tonumber(args[10]), counters, first
end

-- KEYS[1] the visitor. ARGV: now, ttl in seconds, '1' when the cookie came back and '0' when it is new, most products
-- kept, consent receipt (empty: leave it), advertiser ref,
-- action ('v' view, 'c' cart, 'b' buy, 'd' take out of the cart, 'u' undo a purchase, 's' seen), product ids...
-- Behind the letter of the action a '+' announces what `read_more` reads; then the ttl holds to a hundredth of it.
-- A time is given out once per visitor and always grows, so the order of products is exact even within one second.
-- Called for every event: one product of a view or a cart takes the short way, without tables and with `now` left the
-- text it came as, because every number given to a command is formatted again. The ttl begins anew with the first event
-- in each hundredth of it, which saves most writes.
-- Returns how many fields are new.
local function record(keys, args, again)
  local call, number = redis.call, tonumber -- locals are found quicker than globals
  local key, now, ttl, receipt, ref, action = keys[1], args[1], number(args[2]), args[5], args[6], args[7]
  local field, known, held
  if args[8] and not args[9] then
    if action == 'v' then
      field = 'v' .. ref .. ':' .. args[8]
      known = call('HMGET', key, 't', 'r', field)
      held = known[3]
    elseif action == 'c' then
      field = 'c' .. ref .. ':' .. args[8]
    end
  end
  known = known or call('HMGET', key, 't', 'r')
  local last, before = number(known[1]) or 0, known[2]
  local sign = (last > 0 or args[3] == '1') and '' or '-'
  local newest = last < 0 and -last or last
  if number(now) <= newest then now = newest + 1 end

  local renewed = receipt ~= '' and not (before and string.sub(before, 5) == receipt)
  local added, counted
  if field and not renewed then
    local value = now
    if held then value = viewed(number(held), now, number(args[1]), again) end
    added = call('HSET', key, 't', sign .. now, field, value)
  else
    local came, write, order, most, first = tonumber(args[1]), {}, '', 0, 8
    if renewed then write = { 'r', struct.pack(TIME, now) .. receipt } end
    if #action > 1 then order, most, counted, first = read_more(key, came, ref, args, write, again) end
    added = record_products(key, now, came, sign, write, ref, string.sub(action, 1, 1), order, args, first, again)
    if counted then
      if redis.call('TTL', key) < ttl * 0.99 then redis.call('EXPIRE', key, ttl) end
      if added > 0 and redis.call('HLEN', key) > most then evict_frequency(key, most, counted, came) end
    end
  end
  if last <= 0 or math.floor(100 * now / ttl) ~= math.floor(100 * last / ttl) then live(key, ttl) end
  if added > 0 and call('HLEN', key) > number(args[4]) and too_many(key, number(args[4])) then
    evict(key, number(args[4]))
  end
  return added
end

local function record_event(keys, args) return record(keys, args, false) end

-- What a call has raised, as a reply: some servers raise a table, some its text, and mistakes of ours have no word.
local function as_error(raised)
  if type(raised) == 'table' then return raised end
  return redis.error_reply(string.match(raised, '^%u+ ') and raised or 'ERR ' .. raised)
end

-- KEYS the visitors, of events of one moment. ARGV: for each of them how many arguments follow, and those of
-- `record_event`. Returns for each what `record_event` returns, or its error: one that fails stops no other.
local function record_events(keys, args)
  local answers, at = {}, 1
  for i = 1, #keys do
    local last = at + tonumber(args[at])
    local done, answer = pcall(record, { keys[i] }, { unpack(args, at + 1, last) }, false)
    answers[i] = done and answer or as_error(answer)
    at = last + 1
  end
  return answers
end

-- The same of an event that may have been written already: a view or a count is not written twice.
local function replay_event(keys, args) return record(keys, args, true) end

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

-- When the window of `length` seconds began and how many ads it counts, out of a counter's field; nothing when it has
-- ended or was never there.
local function window_at(packed, length, now)
  for at = 1, #packed, WINDOW_BYTES do
    local held, began, count = struct.unpack(WINDOW, packed, at)
    if held == length then
      if now < began + length then return began, count end
      return
    elseif held == 0 then
      return
    end
  end
end

-- The windows of one counter with one more ad in each, and for how many seconds the last of them runs; nothing when a
-- limit holds no more. The highest limit there is counts, and limits nothing.
local function one_more(packed, now, limits)
  local counted, runs = {}, 0
  for at = 1, #limits, LIMIT_BYTES do
    local length, limit = struct.unpack(LIMIT, limits, at)
    local began, count = window_at(packed, length, now)
    began, count = began or now, count or 0
    if count >= limit and limit < MOST_COUNTED then return end
    counted[#counted + 1] = struct.pack(WINDOW, length, began, math.min(count + 1, MOST_COUNTED))
    runs = math.max(runs, began + length - now)
  end
  return table.concat(counted), runs
end

-- What a counter's field holds of claims: it stands behind the windows.
local function noted_in(packed)
  local at = 1
  while at <= #packed and struct.unpack(TIME, packed, at) > 0 do at = at + WINDOW_BYTES end
  return string.sub(packed, at)
end

-- The numbers of claims out of that.
local function numbers_in(noted)
  local numbers = {}
  for at = 1, #noted, WINDOW_BYTES do
    local _, a, b, c = struct.unpack(CLAIMS, noted, at)
    numbers[#numbers + 1] = a
    if b > 0 then numbers[#numbers + 1] = b end
    if c > 0 then numbers[#numbers + 1] = c end
  end
  return numbers
end

-- Those of them that are keys of `waits`, and `own`.
local function still_waiting(noted, waits, own)
  local numbers = {}
  for _, number in ipairs(numbers_in(noted)) do
    if waits[number] then numbers[#numbers + 1] = number end
  end
  numbers[#numbers + 1] = own
  return numbers
end

-- Numbers of claims as a counter's field holds them.
local function pack_claims(numbers)
  local parts = {}
  for i = 1, #numbers, 3 do
    parts[#parts + 1] = struct.pack(CLAIMS, 0, numbers[i], numbers[i + 1] or 0, numbers[i + 2] or 0)
  end
  return table.concat(parts)
end

-- A counter's field without what the claims in `gone` (number -> when taken) took; nothing where it has none of them.
-- They are counted in those windows that had begun by then: a later one begins when the earlier one has ended.
local function without(packed, gone)
  local taken, left, parts = {}, {}, {}
  for _, number in ipairs(numbers_in(noted_in(packed))) do
    if gone[number] then taken[#taken + 1] = gone[number] else left[#left + 1] = number end
  end
  if #taken == 0 then return end
  for at = 1, #packed, WINDOW_BYTES do
    local length, began, count = struct.unpack(WINDOW, packed, at)
    for _, when in ipairs(taken) do
      if began <= when then count = count - 1 end
    end
    if length > 0 and count > 0 then parts[#parts + 1] = struct.pack(WINDOW, length, began, count) end
  end
  if #parts == 0 then return '' end
  return table.concat(parts) .. pack_claims(left)
end

-- Undo what the claims in `gone` took.
local function give_back(key, gone)
  local flat = redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    if COUNTERS[string.sub(flat[i], 1, 1)] then
      local left = without(flat[i + 1], gone)
      if left == '' then
        redis.call('HDEL', key, flat[i])
      elseif left then
        redis.call('HSET', key, flat[i], left)
      end
    end
  end
end

-- What waits to be seen, after what was not seen in time is given back: the number of the newest claim, those that wait
-- as they are packed, oldest first, and their numbers as keys.
local function pending_now(key, now)
  local packed = redis.call('HGET', key, 'q')
  if not packed then return 0, '', {} end
  local waits, gone = {}, nil
  for at = 1 + NUMBER_BYTES, #packed, PENDING_BYTES do
    local number, taken, expires = struct.unpack(PENDING_UNTIL, packed, at)
    if expires > now then
      waits[number] = true
    else
      gone = gone or {}
      gone[number] = taken
    end
  end
  if not gone then return struct.unpack(NUMBER, packed), string.sub(packed, 1 + NUMBER_BYTES), waits end
  give_back(key, gone)
  local parts = {}
  for at = 1 + NUMBER_BYTES, #packed, PENDING_BYTES do
    local claim = string.sub(packed, at, at + PENDING_BYTES - 1)
    if waits[struct.unpack(NUMBER, claim)] then parts[#parts + 1] = claim end
  end
  local left = table.concat(parts)
  redis.call('HSET', key, 'q', string.sub(packed, 1, NUMBER_BYTES) .. left)
  return struct.unpack(NUMBER, packed), left, waits
end

-- One claim out of the arguments from `at` on, and where the next begins.
local function read_claim(args, at)
  local claim = { decision = args[at], expires = tonumber(args[at + 1]), fields = {}, limits = {}, met = {}, arms = {} }
  local counts = tonumber(args[at + 2])
  at = at + 3
  for i = 1, counts do
    claim.fields[i], claim.limits[i] = args[at], args[at + 1]
    at = at + 2
  end
  local met = tonumber(args[at])
  at = at + 1
  for i = 1, met do
    claim.met[i], claim.arms[i] = 'x' .. args[at], args[at + 1]
    at = at + 2
  end
  return claim, at
end

-- What each counter of a claim becomes, what they were, and for how many seconds the last window runs; nothing when a
-- limit holds no more.
local function counted_with(key, now, claim)
  if #claim.fields == 0 then return {}, {}, 0 end
  local counted, longest = {}, 0
  local held = redis.call('HMGET', key, unpack(claim.fields))
  for i, limits in ipairs(claim.limits) do
    local packed, runs = one_more(held[i] or '', now, limits)
    if not packed then return end
    counted[i], longest = packed, math.max(longest, runs)
  end
  return counted, held, longest
end

-- Note in each counter which claims that wait are counted there: `own` (nil: none) and those that were noted before.
-- Counters of the same ads have noted the same claims, and that is read once.
local function note_claims(counted, held, waits, own)
  local known = {}
  for i, packed in ipairs(counted) do
    local before = noted_in(held[i] or '')
    known[before] = known[before] or pack_claims(still_waiting(before, waits, own))
    counted[i] = packed .. known[before]
  end
end

-- KEYS[1] the visitor. ARGV: now, most fields kept in the frequency, retention in seconds, then for each claim: how its
-- decision's id begins (5 bytes), when it is given back (0: never), number of counts, name of each with its limits
-- (length of the window in seconds, 4 bytes; most ads, 2), number of what it met, name of each with its arm.
-- What was not seen in time is given back first. A window begins with the first ad in it. The first claim of which
-- every limit of every count holds is counted, and no other; what it met for the first time is remembered for the
-- retention.
-- Returns the claim's place, from 0; -1 for none; then the names of what it met for the first time.
local function reserve(keys, args)
  local key, now, keep = keys[1], tonumber(args[1]), tonumber(args[2])
  local newest, pending, waits = pending_now(key, now)
  local at, place, claim = 4, 0, nil
  local counted, held, longest
  while at <= #args do
    claim, at = read_claim(args, at)
    counted, held, longest = counted_with(key, now, claim)
    if counted then break end
    place = place + 1
  end
  if not counted then return { -1 } end

  local reply, write, written, own = { place }, {}, {}, nil
  if claim.expires > 0 and #counted > 0 then
    own = newest % 65535 + 1
    if #pending >= MOST_PENDING * PENDING_BYTES then
      waits[struct.unpack(NUMBER, pending)] = nil
      pending = string.sub(pending, 1 + PENDING_BYTES)
    end
    local one = struct.pack(PENDING, own, now, claim.expires, claim.decision)
    write = { 'q', struct.pack(NUMBER, own) .. pending .. one }
  end
  if own or pending ~= '' then note_claims(counted, held, waits, own) end
  for i, packed in ipairs(counted) do
    write[#write + 1] = claim.fields[i]
    write[#write + 1] = packed
    written[claim.fields[i]] = true
  end
  for i, field in ipairs(claim.met) do
    if redis.call('HEXISTS', key, field) == 0 then
      write[#write + 1] = field
      write[#write + 1] = struct.pack(EXPOSURE, now, 0) .. claim.arms[i]
      written[field], longest = true, math.max(longest, tonumber(args[3]))
      reply[#reply + 1] = string.sub(field, 2)
    end
  end
  if #write == 0 then return reply end
  local added = redis.call('HSET', key, unpack(write))
  live(key, longest)
  if added > 0 and redis.call('HLEN', key) > keep then evict_frequency(key, keep, written, now) end
  return reply
end

-- The claim of a decision does not wait any more; with `back` what it took is given back. 1, or 0 if none waited.
local function settle(key, decision, back)
  local packed = redis.call('HGET', key, 'q')
  if not packed then return 0 end
  for at = 1 + NUMBER_BYTES, #packed, PENDING_BYTES do
    if string.sub(packed, at + PENDING_UNTIL_BYTES, at + PENDING_BYTES - 1) == decision then
      local number, taken = struct.unpack(PENDING_UNTIL, packed, at)
      if back then give_back(key, { [number] = taken }) end
      redis.call('HSET', key, 'q', string.sub(packed, 1, at - 1) .. string.sub(packed, at + PENDING_BYTES))
      return 1
    end
  end
  return 0
end

-- KEYS[1] the visitor. ARGV: how a decision's id begins. Its ad was seen: what it took is not given back.
-- Returns 1, or 0 if nothing of it waited.
local function seen(keys, args) return settle(keys[1], args[1], false) end

-- KEYS[1] the visitor. ARGV: how a decision's id begins. Its ad will not be seen: what it took is given back now.
-- Returns 1, or 0 if nothing of it waited.
local function unseen(keys, args) return settle(keys[1], args[1], true) end

-- KEYS[1] the visitor. ARGV: the counter of the ads since the last click. Returns 1, or 0 if there was none.
local function clicked(keys, args)
  return redis.call('HDEL', keys[1], args[1])
end

-- KEYS[1] the visitor. ARGV: now, most products kept, the product's field, the product's own name (empty: the field's).
-- The visitor does not want to see it any more; of too many the one that was hidden first is forgotten. Nothing is
-- written of a visitor that nothing is known of. Returns 1, or 0 for such a one.
local function hide(keys, args)
  local key, field = keys[1], args[3]
  if redis.call('EXISTS', key) == 0 then return 0 end
  local added = redis.call('HSET', key, field, args[1] .. (args[4] ~= '' and ':' .. args[4] or ''))
  if added == 0 then return 1 end
  local flat, times = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do
    if string.sub(flat[i], 1, 1) == 'h' and flat[i] ~= field then
      times[#times + 1] = { tonumber(string.match(flat[i + 1], '^%d+')), flat[i] }
    end
  end
  table.sort(times, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  for i = 1, #times + 1 - tonumber(args[2]) do redis.call('HDEL', key, times[i][2]) end
  return 1
end

-- KEYS[1] the visitor. ARGV: fields of products that were hidden. They may be shown again. Returns how many were.
local function unhide(keys, args)
  return redis.call('HDEL', keys[1], unpack(args))
end

-- KEYS[1] the visitor. ARGV: now, names of what may have been met. A purchase is counted on each that was met by now.
-- Returns name and value of those.
local function converted(keys, args)
  local reply = {}
  for i = 2, #args do
    local field = 'x' .. args[i]
    local held = redis.call('HGET', keys[1], field)
    local since, purchases = 0, 0
    if held then since, purchases = struct.unpack(EXPOSURE, held) end
    if held and since <= tonumber(args[1]) then
      held = struct.pack(EXPOSURE, since, math.min(purchases + 1, MOST_COUNTED)) .. string.sub(held, EXPOSURE_BYTES + 1)
      redis.call('HSET', keys[1], field, held)
      reply[#reply + 1] = args[i]
      reply[#reply + 1] = held
    end
  end
  return reply
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

-- KEYS[1] a shelf of ties. ARGV: one more tie, most that the shelf holds, how long it is good in seconds. The newest
-- stands first, and what is one too many goes. Returns how many there are.
local function tie(keys, args)
  local most, count = tonumber(args[2]), redis.call('LPUSH', keys[1], args[1])
  if count > most then redis.call('LTRIM', keys[1], 0, most - 1) end
  live(keys[1], tonumber(args[3]))
  return math.min(count, most)
end

-- KEYS[1] a shelf of ties. ARGV: how the tie begins that is looked for. Returns the newest such one, or nothing.
local function tied(keys, args)
  local name = args[1]
  for _, one in ipairs(redis.call('LRANGE', keys[1], 0, -1)) do
    if string.sub(one, 1, #name) == name then return one end
  end
  return false
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
redis.register_function('record_events_VERSION', record_events)
redis.register_function('replay_event_VERSION', replay_event)
redis.register_function('keep_visitor_VERSION', keep_visitor)
redis.register_function('reserve_VERSION', reserve)
redis.register_function('seen_VERSION', seen)
redis.register_function('unseen_VERSION', unseen)
redis.register_function('clicked_VERSION', clicked)
redis.register_function('hide_VERSION', hide)
redis.register_function('unhide_VERSION', unhide)
redis.register_function('converted_VERSION', converted)
redis.register_function('bill_VERSION', bill)
redis.register_function('tie_VERSION', tie)
redis.register_function('tied_VERSION', tied)
redis.register_function('append_events_VERSION', append_events)
redis.register_function('publish_snapshot_VERSION', publish_snapshot)
redis.register_function('add_products_VERSION', add_products)
redis.register_function('swap_catalog_VERSION', swap_catalog)
redis.register_function('touch_catalog_VERSION', touch_catalog)
redis.register_function('drop_catalog_VERSION', drop_catalog)
redis.register_function('patch_product_VERSION', patch_product)

-- The money of a line item. Its ledger is one hash, all numbers whole micros: 's' spent ever, 's<day>' spent on one day,
-- 'h' held by leases, 'h<day>' held by those of one day, 'e' when the first of them ends, 'b' when the ledger began (0:
-- before anybody remembers), 'l<lease>' what is left in that lease, its day, and when it ends.
-- spent + held never passes a limit. Without 's' there is no ledger: nothing is lent before it is known what was spent.
-- Times are seconds since 1970 here, days are numbers.
local LEDGER_TTL = 30 * 86400
local LEDGER_DAYS = 3
local MOST_LEASES = 4096
local PARTS = 16
local NO_LIMIT = 2 ^ 53
local LENT, MISSING, TOTAL, DAILY, PACING = 0, 1, 2, 3, 4

local function whole(number)
  return string.format('%.0f', number)
end

local function limit(text)
  return text == '' and NO_LIMIT or tonumber(text)
end

-- What is left in a lease, its day (a text) and when it ends; nothing where there is none.
local function lease_of(packed)
  if not packed then return end
  local left, day, ends = string.match(packed, '^(%d+) (%d+) (%d+)$')
  return tonumber(left), day, tonumber(ends)
end

-- Write what is left in a lease that was `before`. An empty one goes: who has it may fill it again.
local function keep_lease(key, field, before, left, day, ends)
  if left > 0 then
    redis.call('HSET', key, field, string.format('%.0f %s %.0f', left, day, ends))
  else
    redis.call('HDEL', key, field)
  end
  redis.call('HINCRBY', key, 'h', whole(left - before))
  redis.call('HINCRBY', key, 'h' .. day, whole(left - before))
end

-- Leases that have ended give back what is left in them, and days that are long over are forgotten.
local function sweep_leases(key, now, today)
  local flat = redis.call('HGETALL', key)
  local first
  for i = 1, #flat, 2 do
    if string.sub(flat[i], 1, 1) == 'l' then
      local left, of, ends = lease_of(flat[i + 1])
      if ends <= now then
        keep_lease(key, flat[i], left, 0, of, ends)
      elseif not first or ends < first then
        first = ends
      end
    end
  end
  for i = 1, #flat, 2 do
    local day = string.match(flat[i], '^[sh](%d+)$')
    if day and tonumber(day) < tonumber(today) - LEDGER_DAYS then redis.call('HDEL', key, flat[i]) end
  end
  if first then
    redis.call('HSET', key, 'e', whole(first))
  else
    redis.call('HDEL', key, 'e')
  end
end

-- Spent, held, spent on that day, held for that day, when the first lease ends, when it began; nothing without a ledger.
local function read_ledger(key, day)
  local read = redis.call('HMGET', key, 's', 'h', 's' .. day, 'h' .. day, 'e', 'b')
  if not read[1] then return end
  for i = 1, 6 do read[i] = tonumber(read[i]) or 0 end
  return read
end

-- What the day's limits and its pacing leave, the least of it, and what stands in the way of `price` more.
local function room_of(ledger, total, daily, share, price)
  local today = ledger[3] + ledger[4]
  local goal = math.min(daily, total - (ledger[1] + ledger[2] - today))
  local paced = goal
  if goal < NO_LIMIT then paced = math.min(goal, math.floor(goal * share) + price) end
  local by_total, by_day, by_pace = total - ledger[1] - ledger[2], daily - today, paced - today
  if by_total < price then return 0, TOTAL end
  if by_day < price then return 0, DAILY end
  if by_pace < price then return 0, PACING end
  return math.min(by_total, by_day, by_pace), LENT
end

-- KEYS[1] the ledger. ARGV: now, day, total, daily (empty: no limit), share of the day's money that may be gone by now,
-- price of one event, micros asked for (0: only look), lease, when it ends.
-- At most a part of what there is, but one event at least, in whole events. A lease that is there is filled up.
-- Returns what was lent, why nothing could be (0: it could), spent, held, spent today, held today, when it began.
local function lease(keys, args)
  local key, now, day, price, asked = keys[1], tonumber(args[1]), args[2], tonumber(args[6]), tonumber(args[7])
  local ledger = read_ledger(key, day)
  if not ledger then return { 0, MISSING, 0, 0, 0, 0, 0 } end
  if ledger[5] > 0 and ledger[5] <= now then
    sweep_leases(key, now, day)
    ledger = read_ledger(key, day)
  end
  local room, reason = room_of(ledger, limit(args[3]), limit(args[4]), tonumber(args[5]), price)
  local lent = 0
  if reason == LENT and asked > 0 then
    local field = 'l' .. args[8]
    local left, of, ends = lease_of(redis.call('HGET', key, field))
    left, of, ends = left or 0, of or day, ends or tonumber(args[9])
    if of ~= day or ends <= now or redis.call('HLEN', key) >= MOST_LEASES then
      reason = PACING
    else
      lent = math.min(asked, math.max(price, math.floor(room / PARTS)))
      lent = math.max(1, math.floor(lent / price)) * price
      keep_lease(key, field, left, left + lent, day, ends)
      if ledger[5] == 0 or ends < ledger[5] then redis.call('HSET', key, 'e', whole(ends)) end
      live(key, LEDGER_TTL)
      ledger[2], ledger[4] = ledger[2] + lent, ledger[4] + lent
    end
  end
  return { lent, reason, ledger[1], ledger[2], ledger[3], ledger[4], ledger[6] }
end

-- KEYS[1] the ledger. ARGV: lease, micros of it that are not needed. Returns how many of them were still in it.
local function return_lease(keys, args)
  local field = 'l' .. args[1]
  local left, day, ends = lease_of(redis.call('HGET', keys[1], field))
  if not left then return 0 end
  local back = math.min(left, tonumber(args[2]))
  keep_lease(keys[1], field, left, left - back, day, ends)
  return back
end

-- KEYS[1] the ledger. ARGV: lease, micros, now. They go out of the lease and are spent, on the day of the lease.
-- Returns them; 0, and nothing happens, when the lease has ended or has not got so much left.
local function spend(keys, args)
  local key, field, micros = keys[1], 'l' .. args[1], tonumber(args[2])
  local left, day, ends = lease_of(redis.call('HGET', key, field))
  if not left or left < micros or ends <= tonumber(args[3]) then return 0 end
  keep_lease(key, field, left, left - micros, day, ends)
  redis.call('HINCRBY', key, 's', args[2])
  redis.call('HINCRBY', key, 's' .. day, args[2])
  return micros
end

-- KEYS[1] the ledger. ARGV: day, total, daily (empty: no limit), micros. A click is paid straight, whatever the pacing.
-- Returns the micros; 0, and nothing happens, when a limit would be passed or there is no ledger.
local function spend_click(keys, args)
  local key, day, micros = keys[1], args[1], tonumber(args[4])
  local ledger = read_ledger(key, day)
  if not ledger then return 0 end
  local room, reason = room_of(ledger, limit(args[2]), limit(args[3]), 1, micros)
  if reason ~= LENT then return 0 end
  redis.call('HINCRBY', key, 's', args[4])
  redis.call('HINCRBY', key, 's' .. day, args[4])
  live(key, LEDGER_TTL)
  return micros
end

-- KEYS[1] the ledger. ARGV: micros spent ever, day, micros spent on it, when it began. Returns 1, or 0 if there is one.
local function seed_ledger(keys, args)
  if redis.call('HSETNX', keys[1], 's', args[1]) == 0 then return 0 end
  redis.call('HSET', keys[1], 's' .. args[2], args[3], 'b', args[4])
  redis.call('EXPIRE', keys[1], LEDGER_TTL)
  return 1
end

-- KEYS[1] the ledgers that are missed. ARGV: line item refs. Who fills them asks every second; nobody may be there.
local function miss_ledgers(keys, args)
  local added = redis.call('SADD', keys[1], unpack(args))
  redis.call('EXPIRE', keys[1], 60)
  return added
end

redis.register_function('lease_VERSION', lease)
redis.register_function('return_lease_VERSION', return_lease)
redis.register_function('spend_VERSION', spend)
redis.register_function('spend_click_VERSION', spend_click)
redis.register_function('seed_ledger_VERSION', seed_ledger)
redis.register_function('miss_ledgers_VERSION', miss_ledgers)
