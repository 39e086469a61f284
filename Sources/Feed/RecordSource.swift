// swift-format-ignore-file
// Written by tools/embed-script from Sources/Feed/Lua/record.lua; change that and run it again.

enum RecordSource {
    static let text = #"""
        local ARGV, redis, string, tonumber = ARGV, redis, string, tonumber
        local root = string.sub(KEYS[1], 1, -7)
        local op, token, database, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
        local eventsMax, bytesMax = tonumber(ARGV[5]), tonumber(ARGV[6])
        local stateLife, streamLife, endedLife = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
        local forksMax = 8
        local producersMax = 64
        local cleanedMax = 4
        local entryOverhead = 64
        local nameBytesMax = 400
        local eventsSlack = math.min(64, math.floor(eventsMax / 8))
        local bytesSlack = math.floor(bytesMax / 8)
        local lifeSlack = math.min(60000, streamLife * 100, endedLife * 100)
        local texts = {}
        local function textOf(number)
        local text = texts[number]
        if not text then
        text = string.format('%d', number)
        texts[number] = text
        end
        return text
        end
        local reign, replication, role, line, era, last, from
        local isUnknown = false
        local jobs, touched, out = {}, {}, {}
        local names, skipped = 0, 0
        local function channel(name)
        return root .. name .. ':' .. database .. ':' .. string.sub(reign, 1, 8)
        end
        local function tell(...) return redis.call('PUBLISH', channel('control'), table.concat({ ... }, ' ')) end
        local function newName()
        names = names + 1
        return token .. names
        end
        local function reignOf(info)
        local hasPredecessor = string.find(info, 'master_replid2:0*[^0%s]')
        return hasPredecessor and replication or string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
        end
        local function begin()
        local info = redis.call('INFO', 'replication')
        replication, role = string.match(info, 'master_replid:(%w+)'), string.match(info, 'role:(%w+)')
        local kept = redis.call('HMGET', KEYS[1], 'reign', 'line', 'era', 'last', 'from', 'replication')
        isUnknown = not kept[1] or kept[6] ~= replication
        reign = isUnknown and reignOf(info) or kept[1]
        line, era, last, from = kept[2], kept[3], tonumber(kept[4]), tonumber(kept[5])
        if kept[1] ~= reign or not line or not era or not last or era ~= '' and not from then
        line, era, last, from, isUnknown = token, '', 0, nil, true
        end
        end
        local function settle()
        if not isUnknown then return end
        redis.call('HSET', KEYS[1], 'reign', reign, 'replication', replication, 'line', line, 'era', era, 'last', last)
        isUnknown = false
        end
        local function load(stem)
        local job = jobs[stem]
        if job ~= nil then return job end
        local key = root .. stem .. ':state'
        local values = redis.pcall('HMGET', key, 'epoch', 'seq', 'line', 'era', 'first', 'bytes', 'lives',
        'status', 'progress', 'attempt', 'log_lines', 'created_at', 'finished_at', 'queue', 'owner', 'born')
        if values.err then
        if not string.find(values.err, 'WRONGTYPE', 1, true) then redis.call('HMGET', key, 'seq') end
        jobs[stem] = false
        return false
        end
        local epoch, seq, own, ownEra, first, bytes, lives, status, progress, attempt, lines, created,
        finished, queue, owner, born = unpack(values)
        local is = {
        epoch = epoch, seq = seq, line = own, era = ownEra, first = first, bytes = bytes,
        lives = lives, status = status, progress = progress, attempt = attempt, log_lines = lines,
        created_at = created, finished_at = finished, queue = queue, owner = owner, born = born,
        }
        job = {
        stem = stem, key = key, events = root .. stem .. ':events', is = is,
        to = { updated_at = nil, status = nil, progress = nil, current_step = nil },
        seq = tonumber(seq), was = queue, number = false, first = false, bytes = false,
        hasEvent = false, leaves = false,
        }
        local isSeq = job.seq and job.seq >= 0 and job.seq < 2 ^ 53 and job.seq % 1 == 0
        if not is.epoch or not string.find(is.epoch, '^%w+$') or not isSeq then is.epoch = false end
        jobs[stem] = job
        touched[#touched + 1] = job
        return job
        end
        local function set(job, field, value)
        if job.is[field] == value and value then return end
        if job.is[field] ~= nil then job.is[field] = value or false end
        job.to[field] = value or false
        end
        local function startOver(job)
        settle()
        redis.call('DEL', job.events)
        job.seq, job.bytes, job.first = 0, 0, 1
        set(job, 'epoch', newName())
        set(job, 'line', line)
        set(job, 'era', era)
        set(job, 'forks', nil)
        end
        local function forksOf(job)
        if job.to.forks ~= nil then return job.to.forks or '' end
        return redis.call('HGET', job.key, 'forks') or ''
        end
        local function fork(job, seq)
        settle()
        local forks = {}
        for each in string.gmatch(forksOf(job), '%S+') do forks[#forks + 1] = each end
        forks[#forks + 1] = job.is.epoch .. ':' .. textOf(seq)
        set(job, 'forks', table.concat(forks, ' ', math.max(1, #forks - forksMax + 1)))
        set(job, 'epoch', newName())
        set(job, 'line', line)
        set(job, 'era', era)
        end
        local function trim(job)
        local bytes, first, from = 0, nil, '-'
        local weights = {}
        repeat
        local some = redis.call('XRANGE', job.events, from, '+', 'COUNT', 256)
        for _, entry in ipairs(some) do
        local seq = tonumber(string.match(entry[1], '^%d+'))
        first = first or seq
        weights[#weights + 1] = { seq, #entry[2][2] + entryOverhead }
        bytes = bytes + weights[#weights][2]
        from = '(' .. entry[1]
        if first == job.first and job.seq - seq < eventsMax and job.bytes - bytes <= bytesMax then
        some = {}
        break
        end
        end
        until #some < 256
        if first ~= job.first then job.bytes = bytes end
        job.first = first or job.seq + 1
        for _, entry in ipairs(weights) do
        if job.seq - entry[1] < eventsMax and job.bytes <= bytesMax then break end
        job.bytes = job.bytes - entry[2]
        job.first = entry[1] + 1
        end
        redis.call('XTRIM', job.events, 'MINID', job.first .. '-0')
        end
        local function put(job, kind, body)
        local number = string.format('%d', job.seq + 1)
        local added = redis.pcall('XADD', job.events, number .. '-0', kind, body)
        if added.err and string.find(added.err, 'equal or smaller', 1, true) then
        startOver(job)
        number = '1'
        added = redis.pcall('XADD', job.events, '1-0', kind, body)
        end
        if added.err then
        if not string.find(added.err, 'WRONGTYPE', 1, true) then
        redis.call('XADD', job.events, number .. '-0', kind, body)
        end
        redis.call('HSET', job.key, 'era', '-')
        jobs[job.stem] = false
        return false
        end
        job.seq, job.number = job.seq + 1, number
        job.first = job.first or tonumber(job.is.first) or job.seq
        job.bytes = (job.bytes or tonumber(job.is.bytes) or 0) + #body + entryOverhead
        if job.seq - job.first >= eventsMax + eventsSlack or job.bytes > bytesMax + bytesSlack then
        trim(job)
        end
        local head = job.stem .. ' ' .. job.is.epoch .. ' ' .. number .. ' ' .. kind .. ' ' .. textOf(#body)
        out[#out + 1] = { job, head, body }
        return true
        end
        local ofOneAttempt = {
        'progress', 'current_step', 'completed_steps', 'error', 'result', 'eta_seconds',
        }
        local function beginAttempt(job, text)
        local attempt, before = tonumber(text), tonumber(job.is.attempt)
        if before and attempt < before then return false end
        set(job, 'attempt', text)
        if attempt <= (before or 1) then return true end
        for _, field in ipairs(ofOneAttempt) do set(job, field, nil) end
        if not job.is.finished_at then return true end
        set(job, 'status', '"running"')
        set(job, 'finished_at', nil)
        return true
        end
        local function changeStatus(job, status, rule, at)
        local is = job.is
        if is.finished_at and (rule == 'u' or rule == 'ue') then return end
        if is.status and (rule == 'i' or rule == 'ie') then
        local word = string.lower(is.status)
        if word ~= '"queued"' and word ~= '"unknown"' then return end
        end
        set(job, 'status', status)
        local ends = #rule == 2
        if ends or is.finished_at then set(job, 'finished_at', ends and (is.finished_at or at) or nil) end
        end
        local function fold(job, place)
        local at, lines, attempt, rule = ARGV[place], ARGV[place + 1], ARGV[place + 2], ARGV[place + 3]
        local after = place + 5 + 2 * tonumber(ARGV[place + 4])
        if not job then return after end
        local isLate = attempt ~= '' and not beginAttempt(job, attempt)
        if not isLate and job.is.status == '"stalled"' and not job.is.finished_at then
        set(job, 'status', '"running"')
        end
        for each = place + 5, isLate and 0 or after - 1, 2 do
        local field, value = ARGV[each], ARGV[each + 1]
        if field == 'status' then
        changeStatus(job, value, rule, at)
        elseif field == 'progress' then
        local before, raised = tonumber(job.is.progress), tonumber(value)
        if not before or raised and raised > before then set(job, field, value) end
        elseif field == 'queue' and job.is.queue ~= value then
        job.leaves = job.leaves or job.is.queue
        set(job, field, value ~= '' and value or nil)
        else
        set(job, field, value ~= '' and value or nil)
        end
        end
        if lines ~= '0' then
        set(job, 'log_lines', tonumber(lines) + (tonumber(job.is.log_lines) or 0))
        end
        if not job.is.created_at then set(job, 'created_at', at) end
        job.to.updated_at = at
        job.hasEvent = true
        return after
        end
        local function endsInGap(job)
        local found = redis.pcall('XREVRANGE', job.events, '+', '-', 'COUNT', 1)
        return #found == 1 and found[1][1] == textOf(job.seq) .. '-0' and found[1][2][1] == 'gap'
        end
        local function microseconds()
        local time = redis.call('TIME')
        return tonumber(time[1]) * 1000000 + tonumber(time[2])
        end
        local function await(job, waited)
        startOver(job)
        set(job, 'era', string.format('@%.0f', microseconds() - waited))
        end
        local function align(stem)
        local job = load(stem)
        if not job then return false end
        local since = job.is.era and string.match(job.is.era, '^@(%d+)$')
        if not job.is.epoch then
        startOver(job)
        elseif job.is.line == line and since then
        if era == '' then return job end
        set(job, 'era', era)
        if tonumber(since) <= from then return put(job, 'gap', 'unrecorded') and job end
        elseif job.is.line ~= line or job.is.era ~= era then
        if endsInGap(job) then
        fork(job, job.seq - 1)
        else
        if job.is.line ~= line then fork(job, job.seq) else set(job, 'era', era) end
        return put(job, 'gap', 'unrecorded') and job
        end
        end
        return job
        end
        local function append(place, stem)
        stem = stem or ARGV[place]
        local job = stem ~= '' and align(stem)
        if job and not put(job, 'event', ARGV[place + 1]) then job = false end
        if stem ~= '' and not job then skipped = skipped + 1 end
        return fold(job, place + 2)
        end
        local function queueKey(queue)
        return root .. 'queue:' .. string.sub(string.match(queue, '^"(.*)"$') or queue, 1, 200)
        end
        local latest
        local function birth()
        local top = latest or redis.pcall('ZREVRANGE', root .. 'jobs', 0, 0, 'WITHSCORES')[2]
        top = tonumber(top) or 0
        if top > (now + 86400000) * 1000 then top = 0 end
        latest = math.max(now * 1000, top + 1)
        return string.format('%.0f', latest)
        end
        local function list(key, id, born)
        local isNew = redis.pcall('ZADD', key, born, id) == 1
        redis.pcall('EXPIRE', key, stateLife)
        if not isNew then return end
        local old = string.format('(%.0f', (now - stateLife * 1000) * 1000)
        local count = redis.call('ZCOUNT', key, '-inf', old)
        if count == 0 then return end
        local from = now % count
        for _, each in ipairs(redis.call('ZRANGE', key, from, math.min(from + cleanedMax, count) - 1)) do
        if redis.call('EXISTS', root .. 'job:' .. each .. ':state') == 0 then
        redis.call('ZREM', key, each)
        end
        end
        end
        local function enlist(job)
        local id = string.match(job.stem, '^job:(.*)$')
        if not id or not job.is.born then return end
        list(root .. 'jobs', id, job.is.born)
        if job.leaves then redis.pcall('ZREM', queueKey(job.leaves), id) end
        if job.is.queue then list(queueKey(job.is.queue), id, job.is.born) end
        end
        local function keepAlive(job)
        local phase = job.is.finished_at and 'ended' or job.is.created_at and 'live' or 'awaited'
        local lives = job.is.lives or ''
        if string.sub(lives, -#phase) == phase then
        local age = now - (tonumber(string.sub(lives, 1, -#phase - 2)) or 0)
        if age >= 0 and age < lifeSlack then return false end
        end
        redis.call('EXPIRE', job.key, phase == 'awaited' and streamLife or stateLife)
        redis.call('EXPIRE', job.events, phase == 'ended' and endedLife or streamLife)
        redis.call('HSET', job.key, 'lives', string.format('%.0f %s', now, phase))
        return true
        end
        local function flush()
        for _, job in ipairs(touched) do
        if jobs[job.stem] then
        if job.hasEvent and not job.is.born then set(job, 'born', birth()) end
        local values, gone = { 'seq', job.number or job.seq, nil, nil, nil, nil, nil, nil }, {}
        if job.first then
        values[3], values[4] = 'bytes', string.format('%d', job.bytes)
        if job.first ~= tonumber(job.is.first) then set(job, 'first', job.first) end
        end
        for field, value in pairs(job.to) do
        if value then
        values[#values + 1] = field
        values[#values + 1] = value
        else
        gone[#gone + 1] = field
        end
        end
        if job.first or next(job.to) then
        redis.call('HSET', job.key, unpack(values))
        if #gone > 0 then redis.call('HDEL', job.key, unpack(gone)) end
        local isDue = keepAlive(job)
        if isDue or job.is.queue ~= job.was then enlist(job) end
        end
        end
        end
        end
        local function announce(by, inEra)
        if #out == 0 then return end
        local text = { 'STAMPED ' .. by .. ' ' .. inEra .. ' ' .. last .. '\n' }
        for _, entry in ipairs(out) do
        local queue, owner = entry[1].is.queue or '', entry[1].is.owner or ''
        if #queue > nameBytesMax then queue = '' end
        if #owner > nameBytesMax then owner = '' end
        text[#text + 1] = entry[2] .. ' ' .. textOf(#queue) .. ' ' .. textOf(#owner) .. '\n'
        .. queue .. owner .. entry[3]
        end
        redis.call('PUBLISH', channel('stamped'), table.concat(text))
        end
        local function word(text) return text == '' and '-' or text end
        local asked = {}
        function asked.record()
        local by, inEra, first, events = ARGV[10], ARGV[11], tonumber(ARGV[12]), tonumber(ARGV[13])
        if era == '' or era ~= inEra then return { 'ERA', era } end
        if first > last + 1 then return { 'HOLE', last } end
        local place = 14
        for ordinal = first, first + events - 1 do
        if ordinal > last then
        place = append(place)
        last = ordinal
        else
        place = fold(false, place + 2)
        end
        end
        flush()
        settle()
        redis.call('HSET', KEYS[1], 'last', last)
        announce(by, era)
        return { 'OK', era, last, skipped }
        end
        function asked.answer()
        if era == '' or era ~= ARGV[10] then return { 'ERA', era } end
        for place = 12, #ARGV, 2 do
        if last >= tonumber(ARGV[place + 1]) then
        tell('AT', ARGV[place], ARGV[11], era, ARGV[place + 1], textOf(last))
        else
        tell('WAIT', ARGV[place], ARGV[11])
        end
        end
        return { 'OK', era, last, 0 }
        end
        local function present()
        local there = channel('present')
        local counts = redis.call('PUBSUB', 'NUMSUB', there, there .. ':' .. era)
        return counts[2] + counts[4]
        end
        function asked.where()
        tell('WHERE', ARGV[10], ARGV[11], ARGV[12], word(era), textOf(last))
        return present()
        end
        function asked.pulse()
        tell('PULSE', ARGV[10], ARGV[11])
        return { reign, role, present() }
        end
        function asked.open()
        if era ~= ARGV[13] or last ~= tonumber(ARGV[14]) then return 'NO' end
        local most = tonumber(ARGV[16])
        if most >= 0 and present() > most then return 'NO' end
        local since = microseconds() - tonumber(ARGV[15])
        redis.call('HSET', KEYS[1], 'reign', reign, 'replication', replication, 'line', line, 'era', ARGV[10], 'last', 0,
        'patterns', ARGV[12], 'from', string.format('%.0f', since))
        tell('MARK', ARGV[10], ARGV[11], ARGV[12])
        return 'YES'
        end
        local function continuing(job, cursor)
        local epoch, seq = string.match(cursor, '^(%w+):(%d+)$')
        seq = tonumber(seq)
        if not epoch then return false end
        if epoch == job.is.epoch then return seq <= job.seq and seq end
        local found = false
        for name, holds in string.gmatch(forksOf(job), '(%w+):(%d+)') do
        found = found or name == epoch
        if found then seq = math.min(seq, tonumber(holds)) end
        end
        return found and seq
        end
        function asked.touch()
        local isFollowed, entries, isOldest = ARGV[10] == 'follow', tonumber(ARGV[11]), ARGV[12] == 'oldest'
        local low, high, step = ARGV[13], ARGV[14], isFollowed and 3 or 1
        for place = 15, #ARGV, step do
        local job = load(ARGV[place])
        if job and isFollowed and not job.is.finished_at then
        if not job.is.epoch then await(job, tonumber(ARGV[place + 1])) end
        if era ~= '' then align(ARGV[place]) end
        end
        end
        flush()
        announce('-', '-')
        local answer = { reign }
        for place = 15, #ARGV, step do
        local job = jobs[ARGV[place]]
        if job == false then
        answer[#answer + 1] = 'WRONGTYPE'
        elseif not job.is.epoch then
        answer[#answer + 1] = 'NONE'
        else
        local kept, state = {}, {}
        local after = isFollowed and ARGV[place + 2] ~= '' and continuing(job, ARGV[place + 2])
        if entries >= 0 then state = redis.call('HGETALL', job.key) end
        if entries > 0 and after then
        kept = redis.pcall('XRANGE', job.events, textOf(after + 1) .. '-0', '+')
        elseif entries > 0 and isOldest then
        kept = redis.pcall('XRANGE', job.events, low, high, 'COUNT', entries)
        elseif entries > 0 then
        kept = redis.pcall('XREVRANGE', job.events, high, low, 'COUNT', entries)
        end
        answer[#answer + 1] = kept.err and 'WRONGTYPE'
        or { job.is.epoch, job.seq, forksOf(job), state, kept, after and textOf(after) or '' }
        end
        end
        return answer
        end
        function asked.look()
        local key, bytesMax, fields = root .. ARGV[10], tonumber(ARGV[11]), tonumber(ARGV[12])
        local bytes, answer = 0, {}
        for place = 13 + fields, #ARGV do
        if bytes >= bytesMax then break end
        local state, kept = root .. 'job:' .. ARGV[place] .. ':state', nil
        if fields == 0 then
        kept = redis.pcall('HGETALL', state)
        else
        kept = redis.pcall('HMGET', state, unpack(ARGV, 13, 12 + fields))
        end
        if kept.err then
        answer[#answer + 1] = 'WRONGTYPE'
        elseif redis.call('HEXISTS', state, 'created_at') == 0 then
        redis.pcall('ZREM', key, ARGV[place])
        answer[#answer + 1] = 'NONE'
        else
        for _, value in ipairs(kept) do bytes = bytes + #(value or '') end
        answer[#answer + 1] = kept
        end
        end
        return answer
        end
        local function recall(job, producer, number)
        local text = job.is.epoch and redis.call('HGET', job.key, 'producers') or ''
        local kept, seq, count = {}, nil, nil
        for name, known, at, several in string.gmatch(text, '(%S+)=(%d+)@(%d+)/(%d+)') do
        if name ~= producer then
        kept[#kept + 1] = string.format('%s=%s@%s/%s', name, known, at, several)
        elseif tonumber(known) >= number then
        seq, count = tonumber(at), tonumber(several)
        end
        end
        return seq, count, table.concat(kept, ' ', math.max(1, #kept - producersMax + 2))
        end
        function asked.durable()
        local number, events = tonumber(ARGV[11]), tonumber(ARGV[12])
        local job = load(ARGV[13])
        if not job then return redis.error_reply('WRONGTYPE the state of this job is not a hash') end
        local seq, count, others = recall(job, ARGV[10], number)
        if seq then return { 'OLD', job.is.epoch, seq, count } end
        local place = 13
        for _ = 1, events do place = append(place) end
        if skipped > 0 then return redis.error_reply('WRONGTYPE the events of this job are no stream') end
        local name = string.format('%s=%.0f@%.0f/%d', ARGV[10], number, job.seq, events)
        set(job, 'producers', others .. ' ' .. name)
        flush()
        announce('-', '-')
        return { 'NEW', job.is.epoch, job.seq, events }
        end
        local function mayStall(job, idle)
        if not job or not job.is.epoch or not job.is.status or job.is.finished_at then return false end
        return not string.find(idle, ' ' .. string.lower(job.is.status) .. ' ', 1, true)
        end
        function asked.alive()
        local looks = tonumber(ARGV[11])
        local found = redis.call(
        'ZRANGEBYSCORE', root .. 'jobs', ARGV[10], '+inf', 'WITHSCORES', 'LIMIT', 0, looks)
        local answer = { #found < 2 * looks and '' or '(' .. found[#found] }
        for each = 1, #found, 2 do
        local job = load('job:' .. found[each])
        if mayStall(job, ARGV[12]) then
        answer[#answer + 1] = job.stem
        answer[#answer + 1] = job.seq
        end
        end
        return answer
        end
        function asked.stall()
        local count, told = tonumber(ARGV[11]), 0
        for place = 12, 10 + 2 * count, 2 do
        local job = load(ARGV[place])
        if mayStall(job, ARGV[10]) and job.seq == tonumber(ARGV[place + 1]) then
        append(12 + 2 * count, job.stem)
        told = told + 1
        end
        end
        flush()
        announce('-', '-')
        return told
        end
        if not asked[op] then return redis.error_reply('ERR no such operation') end
        begin()
        return asked[op]()
        """#
}
