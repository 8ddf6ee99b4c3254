-- Fact tables: what the trace says, imported once and never changed.
-- Times are CLOCK_MONOTONIC nanoseconds; NULL means unknown, never zero. One comment stands above each table and behind
-- each column: `gotape-replay schema` prints them.

-- Facts about the recording, as written by the recorder (keys: see gotape(5)).
CREATE TABLE meta (
  key TEXT PRIMARY KEY,                -- dotted name, e.g. go.version
  value TEXT NOT NULL                  -- always text
) WITHOUT ROWID;

-- The one recording that this database holds.
CREATE TABLE recording (
  start_ns INTEGER NOT NULL,           -- the probes were armed
  end_ns INTEGER NOT NULL,             -- last moment that the trace tells about
  start_realtime_ns INTEGER,           -- start_ns in CLOCK_REALTIME
  is_attach INTEGER NOT NULL,          -- 1: the process ran before the recording began
  is_clean_end INTEGER NOT NULL,       -- 0: the file has no end mark (recorder killed, file cut)
  event_count INTEGER NOT NULL,        -- events loaded
  lost_count INTEGER NOT NULL,         -- records that the kernel dropped
  damage_count INTEGER NOT NULL        -- rows of table damage
);

-- The chunks of the file, good ones only.
CREATE TABLE chunk (
  sequence INTEGER PRIMARY KEY,        -- 0, 1, 2 …
  offset INTEGER NOT NULL,             -- byte offset in the file
  kind INTEGER NOT NULL,               -- 1 meta, 2 events, 3 index, 4 end
  epoch INTEGER NOT NULL,              -- definition epoch
  event_count INTEGER NOT NULL,        -- events inside
  lost_count INTEGER NOT NULL,         -- lost records reported inside
  stored_bytes INTEGER NOT NULL,       -- size of the zstd frame
  raw_bytes INTEGER NOT NULL,          -- size when unpacked
  first_ns INTEGER,                    -- time of the first event
  last_ns INTEGER,                     -- time of the last event
  watermark_ns INTEGER,                -- later chunks hold nothing before this
  monotonic_ns INTEGER,                -- the three clocks when the chunk was closed
  realtime_ns INTEGER,                 -- …
  boottime_ns INTEGER                  -- …
);

-- Bytes of the file that could not be used.
CREATE TABLE damage (
  id INTEGER PRIMARY KEY,              -- in file order
  kind TEXT NOT NULL,                  -- header, payload, missing, truncated, no_end, unknown
  offset INTEGER NOT NULL,             -- where in the file
  size INTEGER NOT NULL,               -- bytes concerned
  after_ns INTEGER,                    -- time of the last event before
  message TEXT NOT NULL                -- in words, with what to do about it
);

-- Functions, by their full names.
CREATE TABLE function (
  id INTEGER PRIMARY KEY,              -- 1, 2 … in the order of first sight
  name TEXT NOT NULL UNIQUE,           -- main.(*Queue).Push
  package TEXT NOT NULL,               -- import path: main
  is_internal INTEGER NOT NULL         -- 1: in Go's own runtime, sync or internal/… (never a wait's site)
);

-- Source files, by their paths at build time.
CREATE TABLE file (
  id INTEGER PRIMARY KEY,              -- 1, 2 … in the order of first sight
  path TEXT NOT NULL UNIQUE            -- as the compiler knew it
);

-- Call chains. The site is the first function that is_internal does not cover; those of the packages context, syscall and
-- golang.org/x/sys/unix only where there is no other.
CREATE TABLE stack (
  id INTEGER PRIMARY KEY,              -- 0: a chain that was lost with its chunk (function <lost>)
  depth INTEGER NOT NULL,              -- rows in frame
  is_cut INTEGER NOT NULL,             -- 1: the kernel's limit cut outer frames off
  site_function_id INTEGER REFERENCES function (id), -- NULL: none
  site_file_id INTEGER REFERENCES file (id), -- where the site called on
  site_line INTEGER                    -- …
);

-- The frames of each stack.
CREATE TABLE frame (
  stack_id INTEGER NOT NULL REFERENCES stack (id), -- whose frame
  depth INTEGER NOT NULL,              -- 0 is the innermost
  function_id INTEGER NOT NULL REFERENCES function (id), -- what ran
  file_id INTEGER REFERENCES file (id), -- NULL: unknown
  line INTEGER,                        -- where it called the next inner frame; NULL: unknown
  is_inlined INTEGER NOT NULL,         -- 1: inlined into the next frame
  pc INTEGER,                          -- code address in the target
  PRIMARY KEY (stack_id, depth)
) WITHOUT ROWID;

-- The wait reasons of the traced Go version. "semacquire" alone does not tell what is waited for: where the object or the
-- stack does, the wait has a reason of the same name and a number above 1000 (number / 1000: which class, number % 1000:
-- the runtime's number).
CREATE TABLE reason (
  number INTEGER PRIMARY KEY,          -- runtime.waitReason; from 1000 on as said above
  name TEXT NOT NULL,                  -- the runtime's own string
  class TEXT NOT NULL                  -- chan_recv, chan_send, select, mutex, rwmutex, cond, waitgroup, sleep, net, gc,
                                       -- syscall, coroutine, runtime, other
);

-- What goroutines wait for. An address may be reused: see generation.
CREATE TABLE object (
  id INTEGER PRIMARY KEY,              -- 1, 2 … in the order of first sight
  kind TEXT NOT NULL,                  -- chan, mutex, rwmutex, waitgroup, cond, polldesc, semaphore, unknown
  addr INTEGER NOT NULL,               -- of the object that the program knows: the Mutex, not its semaphore
  generation INTEGER NOT NULL,         -- 1, 2 …: objects at one address that are known to differ
  type TEXT,                           -- of elements of a channel; socket of a pollDesc; else: variable that it is in
  capacity INTEGER,                    -- of a channel's buffer
  is_timer INTEGER NOT NULL,           -- 1: the channel of a timer or ticker
  is_doubtful INTEGER NOT NULL         -- 1: the address may have been reused unnoticed
);

-- Threads of the target.
CREATE TABLE thread (
  tid INTEGER PRIMARY KEY,             -- kernel thread id, as the recorder saw it
  name TEXT,                           -- the last one; NULL: never told
  creator_tid INTEGER,                 -- NULL: unknown
  start_ns INTEGER,                    -- NULL: before the recording
  exit_ns INTEGER                      -- NULL: still there
);

-- Sets of pprof labels that goroutines had.
CREATE TABLE labels (
  id INTEGER PRIMARY KEY,              -- 1, 2 … in the order of first sight
  json TEXT NOT NULL UNIQUE,           -- {"tenant_id":"video-a"}, for json_extract() and ->>
  text TEXT NOT NULL                   -- tenant_id=video-a, …
);

-- Looks at all goroutines of the live process, at the beginning, from time to time, and at the end.
CREATE TABLE snapshot (
  id INTEGER PRIMARY KEY,              -- 1, 2 … in time order
  kind TEXT NOT NULL,                  -- start, periodic, end
  start_ns INTEGER NOT NULL,           -- it took from …
  end_ns INTEGER,                      -- … to here; NULL: its end is missing
  goroutine_count INTEGER,             -- goroutines found alive; NULL: its end is missing
  unstable_count INTEGER               -- how many of them moved while they were read, and have no row
);

-- What each goroutine was doing when a snapshot came to it.
CREATE TABLE snapshot_goroutine (
  snapshot_id INTEGER NOT NULL REFERENCES snapshot (id), -- which snapshot
  goid INTEGER NOT NULL,               -- which goroutine
  time_ns INTEGER NOT NULL,            -- when it was read
  state INTEGER NOT NULL REFERENCES state (id), -- runnable, running, waiting, preempted
  is_in_syscall INTEGER NOT NULL,      -- 1: state running, in a system call
  tid INTEGER,                         -- running: on which thread
  reason INTEGER REFERENCES reason (number), -- waiting: why
  object_id INTEGER REFERENCES object (id),  -- waiting: for what (a select's channels: wait_object of its wait)
  value INTEGER,                       -- waiting on sleep: its duration or end in ns
  stack_id INTEGER REFERENCES stack (id),    -- where
  wait_since_ns INTEGER,               -- the runtime had noticed by then that it waits; NULL: it had not
  labels_id INTEGER REFERENCES labels (id),  -- NULL: none
  PRIMARY KEY (snapshot_id, goid)
) WITHOUT ROWID;

-- Times in which the world was stopped.
CREATE TABLE stw (
  id INTEGER PRIMARY KEY,              -- in the order of their ends
  reason TEXT NOT NULL,                -- the runtime's own string; unknown
  goid INTEGER,                        -- who stopped it; NULL: the runtime, or not known
  start_ns INTEGER,                    -- stopping began; NULL: before the recording, or not known
  stopped_ns INTEGER,                  -- all had stopped; NULL: not known
  end_ns INTEGER                       -- it ran again; NULL: still stopped at the end
);

-- Changes of GOMAXPROCS.
CREATE TABLE gomaxprocs (
  time_ns INTEGER NOT NULL,            -- when
  count INTEGER NOT NULL,              -- from now on; the first row: when the recording began
  before INTEGER                       -- until now; NULL: not known
);

-- Rare events of the runtime that change no goroutine's state: gc, assist, p_lost, p_handoff, m_new.
CREATE TABLE runtime_event (
  id INTEGER PRIMARY KEY,              -- ascending in merged time order
  time_ns INTEGER NOT NULL,            -- when
  event INTEGER NOT NULL REFERENCES event_type (id), -- what
  goid INTEGER,                        -- assist, p_lost: whose; gc, m_new: who did it; NULL: none
  tid INTEGER,                         -- on which thread
  value INTEGER,                       -- gc: 1 begin, 2 marking done; assist: work in bytes; p_handoff: number of the P; m_new: number of the M
  stack_id INTEGER REFERENCES stack (id) -- p_handoff: who takes the P
);

-- Contexts that can be cancelled. An address may be used again for another context: rows are told apart by time.
CREATE TABLE context (
  id INTEGER PRIMARY KEY,              -- in the order of first sight
  addr INTEGER NOT NULL,               -- of the cancelCtx or timerCtx
  parent_id INTEGER REFERENCES context (id), -- NULL: not known, or none that can be cancelled
  created_ns INTEGER,                  -- NULL: before the recording
  goid INTEGER,                        -- who made it
  stack_id INTEGER REFERENCES stack (id), -- where it was made
  deadline_ns INTEGER,                 -- NULL: none of its own, or not known
  done_object_id INTEGER REFERENCES object (id), -- channel of Done(), as of its end; NULL: nobody had called Done
  ended_ns INTEGER,                    -- NULL: not in the recording
  ended_by_goid INTEGER,               -- NULL: a timer, or not in the recording
  end_stack_id INTEGER REFERENCES stack (id), -- where
  cause TEXT,                          -- canceled, deadline, other; NULL: not ended
  error TEXT                           -- type of its cause or other error; NULL: none
);

-- The user's own probes.
CREATE TABLE span_probe (
  id INTEGER PRIMARY KEY,              -- as given, 1, 2 …
  spec TEXT NOT NULL,                  -- as given on the command line
  function TEXT NOT NULL,              -- main.handleOrder
  value_names TEXT NOT NULL            -- JSON array of the names of its values
);

-- Calls of probed functions.
CREATE TABLE span (
  id INTEGER PRIMARY KEY,              -- in the order of their ends
  goid INTEGER NOT NULL,               -- whose call
  probe_id INTEGER NOT NULL REFERENCES span_probe (id), -- which function
  start_ns INTEGER,                    -- NULL: entered before the recording
  end_ns INTEGER,                      -- NULL: it has not returned, or the goroutine has ended in it
  depth INTEGER NOT NULL,              -- 0: not called within another span of the goroutine
  value_json TEXT                      -- {"id": 17}: values at the entry; NULL: none
);

-- Names of the numbers in transition.event.
CREATE TABLE event_type (
  id INTEGER PRIMARY KEY,              -- its number in the file format
  name TEXT NOT NULL                   -- create, exec, park …
);

-- Names of the numbers in transition.from_state, to_state and interval.state.
CREATE TABLE state (
  id INTEGER PRIMARY KEY,              -- 0 unknown, 1 runnable, 2 running, 3 waiting, 4 preempted, 5 dead
  name TEXT NOT NULL                   -- unknown, runnable …
);

-- One row for each change of a goroutine's state, in time order. A net event's goroutine may become known only when it
-- runs: its row is written then (flag 2), with the time of the net event.
CREATE TABLE transition (
  id INTEGER PRIMARY KEY,              -- ascending in merged time order
  time_ns INTEGER NOT NULL,            -- when
  event INTEGER NOT NULL REFERENCES event_type (id), -- what made it
  goid INTEGER NOT NULL,               -- whose state changes
  from_state INTEGER NOT NULL,         -- before: a number of state
  to_state INTEGER NOT NULL,           -- after: a number of state
  tid INTEGER,                         -- thread on which the event was seen
  cpu INTEGER,                         -- on which the event was seen
  p INTEGER,                           -- P id (exec only)
  reason INTEGER REFERENCES reason (number), -- park only
  object_id INTEGER REFERENCES object (id),  -- park only
  value INTEGER,                       -- park on sleep: duration in ns
  stack_id INTEGER REFERENCES stack (id),    -- park: the waiter; ready: the waker; create: the creator; sched: where
  other_goid INTEGER,                  -- ready: the waker; create: the creator; coro: the other side; NULL: none
  flags INTEGER NOT NULL               -- 1 illegal, 2 inferred, 4 after a gap (possible only because records are missing),
                                       -- 8 exec: the park before it was aborted and is no wait
);

-- Threads leaving and entering CPUs.
CREATE TABLE thread_switch (
  id INTEGER PRIMARY KEY,              -- ascending in merged time order
  time_ns INTEGER NOT NULL,            -- when
  tid INTEGER NOT NULL,                -- whose switch
  cpu INTEGER NOT NULL,                -- where
  is_in INTEGER NOT NULL,              -- 1: got the CPU, 0: left it
  state INTEGER,                       -- out: 0 still runnable (preempted), 1 sleeping, 2 uninterruptible, other bits as in Linux
  next_tid INTEGER,                    -- out: who took the CPU (0: nobody; 4294967295: outside of the recorder's pid namespace)
  next_name TEXT,                      -- out: its name
  function_id INTEGER REFERENCES function (id), -- out: where in user code the thread was
  activity TEXT,                       -- out: go, idle, syscall, foreign (cgo), runtime; NULL: not known
  stack_id INTEGER REFERENCES stack (id), -- out: where, as far as it was recorded
  syscall INTEGER                      -- out: number of the system call; NULL: none, or not known
);

-- Times in which the kernel dropped records of a ring.
CREATE TABLE lost (
  id INTEGER PRIMARY KEY,              -- in file order
  cpu INTEGER NOT NULL,                -- whose ring overran
  since_ns INTEGER NOT NULL,           -- last record before the gap
  until_ns INTEGER NOT NULL,           -- first record after it
  count INTEGER NOT NULL               -- records dropped
);

-- Everything that is doubtful, with what to do about it.
CREATE TABLE anomaly (
  id INTEGER PRIMARY KEY,              -- in the order of discovery
  kind TEXT NOT NULL,                  -- a name of anomaly_kind
  time_ns INTEGER,                     -- NULL: no single moment
  goid INTEGER,                        -- NULL: no single goroutine
  tid INTEGER,                         -- NULL: no single thread
  count INTEGER NOT NULL,              -- how many of the kind this row stands for
  detail TEXT NOT NULL                 -- in words
);

-- The kinds of anomalies.
CREATE TABLE anomaly_kind (
  name TEXT PRIMARY KEY,               -- short, for queries
  severity TEXT NOT NULL,              -- info, warning, error
  meaning TEXT NOT NULL,               -- what happened
  hint TEXT NOT NULL                   -- what to do about it
) WITHOUT ROWID;
