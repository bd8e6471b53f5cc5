"""The registry's Lua: what has to be one step. Each script has one key (``server.backplane.redis.registry``)."""

from __future__ import annotations

from typing import Final

from server.backplane.redis.command import Script

_NOW = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
"""

# workers; worker, keep_ms, dead_after_ms → 1 when the worker counted as living, 0 when it was unknown or given up
BEAT: Final = Script(
    _NOW
    + """
local last = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return (last and now - last <= tonumber(ARGV[3])) and 1 or 0
"""
)

# workers; dead_after_ms → {the living}, {the dead}
ROLL: Final = Script(
    _NOW
    + """
local since = now - ARGV[1]
return {
  redis.call('ZRANGEBYSCORE', KEYS[1], since, '+inf'),
  redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. since),
}
"""
)

# workers; worker, dead_after_ms: strike off a worker that is still dead
STRIKE: Final = Script(
    _NOW
    + """
local last = redis.call('ZSCORE', KEYS[1], ARGV[1])
if last and now - last > tonumber(ARGV[2]) then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return 0
"""
)

# devices of a user; session, value, keep_ms → the hash as it was before
ADD: Final = Script("""
local before = redis.call('HGETALL', KEYS[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return before
""")

# devices of a user; session, worker → the hash as it is then
REMOVE: Final = Script("""
local value = redis.call('HGET', KEYS[1], ARGV[1])
if value and string.match(value, '^%d+ (.*)$') == ARGV[2] then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return redis.call('HGETALL', KEYS[1])
""")

# devices of a user; keep_ms, then session, value … → how many were missing
TOUCH: Final = Script("""
local missing = redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return missing
""")

# devices of a user; worker: forget those of a dead worker
SWEEP: Final = Script("""
local rows = redis.call('HGETALL', KEYS[1])
for i = 1, #rows, 2 do
  if string.match(rows[i + 1], '^%d+ (.*)$') == ARGV[1] then
    redis.call('HDEL', KEYS[1], rows[i])
  end
end
return 0
""")

# users of a worker; keep_ms, then users: note that they have a device there → how many were missing
ENROL: Final = Script("""
local missing = 0
for i = 2, #ARGV do
  missing = missing + redis.call('ZADD', KEYS[1], 'NX', 0, ARGV[i])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return missing
""")

# users of a dead worker; limit, lease_ms → {users that nobody else is burying}, how many there are in all
TAKE: Final = Script(
    _NOW
    + """
local users = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, user in ipairs(users) do
  redis.call('ZADD', KEYS[1], now + ARGV[2], user)
end
return {users, redis.call('ZCARD', KEYS[1])}
"""
)
