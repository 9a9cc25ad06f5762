import { createHash } from "node:crypto";

/**
 * Takes tokens for several keys, and gives some back, by the server's own clock. For each key five words:
 *
 * - `fixed <count> <windowMs> <unitMs> <need>:<want>:<owed>`
 * - `sliding <count> <windowMs> <burst> <need>:<want>:<owed>`
 * - `back <tokens> <at> <step> <until>`
 *
 * The answer is the time, and for each key five more: tokens, the first one's place, end of the window, tokens left, and when it
 * is worth asking again. Beyond what is needed at once at most an eighth of what is left is given. Every key ends with its window.
 */
export const takeTokens = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local reply = { string.format('%.3f', now) }
local function say(tokens, at, untilMs, left, again)
  for _, value in ipairs({ tokens, at, untilMs, left, again }) do reply[#reply + 1] = string.format('%.3f', value) end
end
local function share(left, need, want)
  return math.max(0, math.min(left, math.max(need, math.min(want, math.floor(left / 8)))))
end
for i, key in ipairs(KEYS) do
  local a = (i - 1) * 5
  local kind = ARGV[a + 1]
  if kind == 'back' then
    local tokens, at, step, stop = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5])
    if step > 0 then
      local tat = tonumber(redis.call('GET', key))
      if tat and math.abs(at + tokens * step - tat) < 0.01 then redis.call('SET', key, string.format('%.3f', at), 'KEEPTTL') end
    elseif tonumber(redis.call('HGET', key, 'until')) == stop then
      redis.call('HINCRBY', key, 'used', string.format('%.0f', -tokens))
    end
    say(0, 0, 0, 0, 0)
  else
    local count, window = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
    local need, want, owed = string.match(ARGV[a + 5], '^(%d+):(%d+):(%d+)$')
    need, want, owed = tonumber(need), tonumber(want), tonumber(owed)
    if kind == 'fixed' then
      local unit = tonumber(ARGV[a + 4])
      local state = redis.call('HMGET', key, 'used', 'until')
      local used, stop = tonumber(state[1]) or 0, tonumber(state[2]) or 0
      if stop <= now then
        local whole = math.floor(now)
        used, stop = 0, whole - whole % unit + window
      end
      local at = used + owed
      local left = math.max(0, count - at)
      local tokens = share(left, need, want)
      if tokens + owed > 0 then
        redis.call('HSET', key, 'used', string.format('%.0f', at + tokens), 'until', string.format('%.0f', stop))
        redis.call('PEXPIREAT', key, string.format('%.0f', stop))
      end
      say(tokens, at, stop, left - tokens, stop)
    else
      local step = window / count
      local tolerance = (tonumber(ARGV[a + 4]) - 1) * step
      local tat = math.max(tonumber(redis.call('GET', key)) or 0, now)
      tat = math.max(tat, math.min(tat + owed * step, now + window + tolerance + step))
      local left = math.max(0, math.floor((now + tolerance - tat) / step + 0.000001) + 1)
      local tokens = share(left, need, want)
      local after = math.ceil((tat + tokens * step) * 1000) / 1000
      if tokens + owed > 0 then
        redis.call('SET', key, string.format('%.3f', after), 'PX', string.format('%.0f', math.ceil(after - now) + 1))
      end
      say(tokens, tat, 0, left - tokens, math.max(now, after - tolerance))
    end
  end
end
return reply
`;

/** By which a server knows the script once it has seen it. */
export function digestOf(script: string): string {
  return createHash("sha1").update(script).digest("hex");
}
