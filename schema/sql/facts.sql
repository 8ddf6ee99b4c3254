-- Fact tables: what the trace says, imported once and never changed. The packed ones unfold to views (views.sql).
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
  damage_count INTEGER NOT NULL,       -- rows of table damage
  loader TEXT NOT NULL                 -- which version of the loading code made this database: 16 hexadecimal digits
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
  kind TEXT NOT NULL,                  -- start, periodic, end; carried: not read, but known from the recording before
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

-- Times in which nothing was recorded, as the recorder declares (--budget): no event of any other table lies in them, and no
-- duration reaches across one. What was under way (waits, calls, stops, collections) has no length.
CREATE TABLE pause (
  id INTEGER PRIMARY KEY,              -- in time order
  start_ns INTEGER NOT NULL,           -- the last moment that was recorded; in a part, it may lie before this part
  end_ns INTEGER,                      -- recorded again from here on; NULL: not any more
  reason TEXT NOT NULL                 -- window: recorded part of the time; change: fewer events from its end on; unknown
);

-- What the recorder did to keep to its budget.
CREATE TABLE budget_step (
  id INTEGER PRIMARY KEY,              -- in time order
  time_ns INTEGER NOT NULL,            -- when it was decided
  step TEXT NOT NULL,                  -- warn; drop: a class of events; windows; full: all of the time again; stop
  class TEXT,                          -- drop: runs (exec), switches (of threads), extras (of --detail all); NULL: none
  share_ppm INTEGER NOT NULL,          -- of the target's CPU time that the recording was estimated to cost, in millionths
  limit_ppm INTEGER NOT NULL           -- the budget that decided
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

-- Texts that many rows share: names of threads and programs that took a CPU.
CREATE TABLE name (
  id INTEGER PRIMARY KEY,              -- 1, 2 … not dense
  text TEXT NOT NULL                   -- as the kernel tells it
);

-- Combinations of thread, CPU and P that many rows share.
CREATE TABLE place (
  id INTEGER PRIMARY KEY,              -- 1, 2 … in the order of first sight
  tid INTEGER,                         -- NULL: none
  cpu INTEGER,                         -- NULL: none
  p INTEGER                            -- NULL: none
);

-- What several cases of a select wait for. Equal sets share their rows, as far as they were met close to each other.
CREATE TABLE object_set (
  set_id INTEGER NOT NULL,             -- 1, 2 … : packed_wait.object is its negative
  ordinal INTEGER NOT NULL,            -- 0, 1 …
  object_id INTEGER REFERENCES object (id), -- NULL: a nil channel
  direction INTEGER NOT NULL,          -- 0 not known, 1 send, 2 recv
  PRIMARY KEY (set_id, ordinal)
) WITHOUT ROWID;

-- A wait with what lies around it: the run before, the park, the wake-up, the run after. Packed for space and speed; the
-- views transition, interval, wait and wait_object unfold it, and say what the columns mean. What does not fit into this
-- pattern (bits 12 to 20 of facts) stands in plain_transition and plain_interval.
CREATE TABLE packed_wait (
  id INTEGER PRIMARY KEY,              -- wait.id
  goid INTEGER NOT NULL,               -- whose
  start_ns INTEGER NOT NULL,           -- wait.start_ns
  wait_ns INTEGER,                     -- wait.wait_ns
  reason INTEGER NOT NULL REFERENCES reason (number), -- wait.reason
  facts INTEGER NOT NULL,              -- bits: 0 woken (wake_ns = start_ns + wait_ns), 1 open, 2 of a system goroutine, 3 start not
                                       -- seen, 4-6 kind of the waker, 7-9 doubt, 10-11 of a channel: 1 send, 2 recv, 3 not known
                                       -- which; it stands for these rows too:
                                       -- 15 park, 16 wake-up, 17 exec, 18 running before, 19 waiting, 20 runnable, 12 all of these; 13
                                       -- the wake-up is a net event, 14 begins of both runs are inferred (flag 2); from 21 on: case
                                       -- of the select that ended it + 1, 0 not known
  object INTEGER,                      -- id of object; 0: a nil channel; negative: -object_set.set_id; NULL: none
  stack_id INTEGER REFERENCES stack (id), -- wait.stack_id
  waker_goid INTEGER,                  -- wait.waker_goid
  waker_stack_id INTEGER REFERENCES stack (id), -- wait.waker_stack_id
  run_after_ns INTEGER,                -- wake-up, or start where none was seen, to run; NULL: not seen
  place INTEGER REFERENCES place (id), -- of the park; its P is that of the run before
  wake_place INTEGER REFERENCES place (id), -- of the wake-up
  run_place INTEGER REFERENCES place (id), -- of the exec
  run_bound_ns INTEGER,                -- transition.bound_ns of the exec
  before_ns INTEGER,                   -- length of the run before
  labels_id INTEGER REFERENCES labels (id), -- wait.labels_id
  value INTEGER,                       -- wait.value
  flags INTEGER                        -- NULL: all 0. Four bits each: transition.flags of park, wake-up, exec; interval.flags of
                                       -- running before, waiting, runnable; then three bits each, 0: as usual, else 1 + number:
                                       -- state that the park left, state that the wake-up led to
);

-- A goroutine made or put back into the run queue, the run before and the run after. Packed as packed_wait is: views
-- transition and interval unfold it.
CREATE TABLE packed_turn (
  id INTEGER PRIMARY KEY,              -- not dense: four numbers for the rows that it stands for
  goid INTEGER NOT NULL,               -- whose
  start_ns INTEGER NOT NULL,           -- it became runnable
  event INTEGER NOT NULL REFERENCES event_type (id), -- how: sched, yield, create …
  run_after_ns INTEGER NOT NULL,       -- until it ran
  stack_id INTEGER REFERENCES stack (id), -- transition.stack_id
  other_goid INTEGER,                  -- transition.other_goid
  place INTEGER REFERENCES place (id), -- of the event; its P is that of the run before
  run_place INTEGER REFERENCES place (id), -- of the exec
  run_bound_ns INTEGER,                -- transition.bound_ns of the exec
  before_ns INTEGER,                   -- length of the run before; NULL: it stands elsewhere
  flags INTEGER                        -- NULL: all 0. Four bits each: transition.flags of event and exec; interval.flags of running
                                       -- before, runnable; then three bits: 1 + state that the event left, 0: running
);

-- Changes of a goroutine's state that are not part of a packed row.
CREATE TABLE plain_transition (
  id INTEGER PRIMARY KEY,              -- transition.id
  time_ns INTEGER NOT NULL,            -- as in transition, and so on
  event INTEGER NOT NULL,              -- …
  goid INTEGER NOT NULL,               -- …
  from_state INTEGER NOT NULL,         -- …
  to_state INTEGER NOT NULL,           -- …
  tid INTEGER,                         -- …
  cpu INTEGER,                         -- …
  p INTEGER,                           -- …
  reason INTEGER,                      -- …
  object_id INTEGER,                   -- …
  value INTEGER,                       -- …
  stack_id INTEGER,                    -- …
  other_goid INTEGER,                  -- …
  flags INTEGER NOT NULL,              -- …
  bound_ns INTEGER                     -- …
);

-- A stretch of a thread off its CPU, with the one on it before: views thread_switch and thread_interval unfold it.
CREATE TABLE packed_switch (
  id INTEGER PRIMARY KEY,              -- ascending in the order of their ends
  tid INTEGER NOT NULL,                -- whose
  out_ns INTEGER NOT NULL,             -- it left the CPU
  off_ns INTEGER NOT NULL,             -- until it got one again
  facts INTEGER NOT NULL,              -- bits: 0-2 activity (0 not known, 1 go, 2 idle, 3 syscall, 4 foreign, 5 runtime); it
                                       -- stands for these rows of thread_interval too: 4 on, 5 off
  state INTEGER NOT NULL,              -- thread_switch.state
  cpu INTEGER NOT NULL,                -- where it left
  in_cpu INTEGER NOT NULL,             -- where it came back
  on_ns INTEGER,                       -- length of the stretch on the CPU before
  on_cpu INTEGER,                      -- where that began, as far as it was told
  goid INTEGER,                        -- thread_interval.goid
  next_tid INTEGER,                    -- thread_switch.next_tid
  next_name_id INTEGER REFERENCES name (id), -- thread_switch.next_name
  function_id INTEGER REFERENCES function (id), -- thread_switch.function_id
  stack_id INTEGER REFERENCES stack (id), -- thread_switch.stack_id
  syscall INTEGER                      -- thread_switch.syscall
);

-- Switches of threads that are not part of a packed row.
CREATE TABLE plain_switch (
  id INTEGER PRIMARY KEY,              -- thread_switch.id
  time_ns INTEGER NOT NULL,            -- as in thread_switch, and so on
  tid INTEGER NOT NULL,                -- …
  cpu INTEGER NOT NULL,                -- …
  is_in INTEGER NOT NULL,              -- …
  state INTEGER,                       -- …
  next_tid INTEGER,                    -- …
  next_name_id INTEGER REFERENCES name (id), -- …
  function_id INTEGER,                 -- …
  activity INTEGER NOT NULL,           -- 0 not known, 1 go, 2 idle, 3 syscall, 4 foreign, 5 runtime
  stack_id INTEGER,                    -- …
  syscall INTEGER                      -- …
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
