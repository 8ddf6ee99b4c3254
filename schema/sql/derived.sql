-- Derived tables: conclusions from the facts. They may be dropped and made again.

-- One row for each goroutine that was seen.
CREATE TABLE goroutine (
  goid INTEGER PRIMARY KEY,            -- runtime.g.goid; never used twice
  created_ns INTEGER,                  -- NULL: before the recording
  ended_ns INTEGER,                    -- NULL: still there at the end, or the end was not seen (state dead)
  creator_goid INTEGER,                -- NULL: unknown, or no goroutine (timer, runtime)
  create_stack_id INTEGER REFERENCES stack (id), -- the go statement and its callers
  start_function_id INTEGER REFERENCES function (id), -- what the go statement called
  is_start_inferred INTEGER NOT NULL,  -- 1: start function taken from the outermost frame of a stack
  is_system INTEGER NOT NULL,          -- 1: the runtime's own goroutine
  first_ns INTEGER NOT NULL,           -- first sight
  last_ns INTEGER NOT NULL,            -- last event
  state INTEGER NOT NULL,              -- at the end of the recording
  running_ns INTEGER NOT NULL,         -- sums over its intervals, open ones up to the end of the recording
  runnable_ns INTEGER NOT NULL,        -- …; preempted counts here
  waiting_ns INTEGER NOT NULL,         -- …
  unknown_ns INTEGER NOT NULL,         -- time in a state that was not observed
  wait_count INTEGER NOT NULL,         -- rows in wait
  syscall_ns INTEGER NOT NULL DEFAULT 0, -- part of running_ns in which its thread slept in a system call
  labels_id INTEGER REFERENCES labels (id), -- its last pprof labels; NULL: none
  wait_since_ns INTEGER                -- waiting at the end: the runtime had noticed it by then; NULL: not known
);

-- Every stretch of time that a goroutine spent in one state. State unknown: it was not observed, either before the first
-- event of a goroutine that the recording found already there, or where an event must be missing (flag 4: in a gap).
CREATE TABLE interval (
  id INTEGER PRIMARY KEY,              -- ascending in the order of their ends, for one goroutine in time order
  goid INTEGER NOT NULL,               -- whose
  state INTEGER NOT NULL REFERENCES state (id), -- which: a number of state
  start_ns INTEGER NOT NULL,           -- from when
  end_ns INTEGER,                      -- NULL: still open at the end of the recording
  tid INTEGER,                         -- running: on which thread
  p INTEGER,                           -- running: on which P
  wait_id INTEGER REFERENCES wait (id),-- waiting, or unknown where its end was not seen
  flags INTEGER NOT NULL               -- 2 inferred, 4 touches a gap
);

-- Every wait of a goroutine whose beginning was seen (a park), or that a snapshot found waiting (is_start_seen 0). Some of
-- the runtime's own waits end without a wake-up: the scheduler just runs the goroutine. Then wake_ns and runnable_ns are
-- NULL, wait_ns goes to run_ns, and waker_kind is gc or scheduler; or net, when the goroutine parked while the network poller
-- was just about to look for it. A park that the runtime took back (transition flag 8) is no wait. A recording with --detail
-- block does not see runs: run_ns and runnable_ns are NULL. One with --detail snapshot sees no wakes either: wait_ns goes to
-- the first snapshot that no longer found the wait (doubt 'sampled').
CREATE TABLE wait (
  id INTEGER PRIMARY KEY,              -- ascending in the order of their ends
  goid INTEGER NOT NULL,               -- who waited
  start_ns INTEGER NOT NULL,           -- park; with is_start_seen 0 the beginning of the recording, or the snapshot
  wake_ns INTEGER,                     -- made runnable; NULL: open, or not seen
  run_ns INTEGER,                      -- running again; NULL: not (yet) seen
  wait_ns INTEGER,                     -- park to wake (or see above); open: to the end of the recording; NULL: the
                                       -- wake was not seen
  runnable_ns INTEGER,                 -- wake to running; NULL when unknown
  is_open INTEGER NOT NULL,            -- 1: still waiting at the end of the recording
  reason INTEGER NOT NULL REFERENCES reason (number), -- why
  is_system INTEGER NOT NULL,          -- 1: by one of the runtime's own goroutines
  stack_id INTEGER REFERENCES stack (id), -- where
  value INTEGER,                       -- sleep: asked duration in ns
  waker_kind TEXT NOT NULL,            -- goroutine, timer, net, gc, scheduler, none_yet, unknown
  waker_goid INTEGER,                  -- with waker_kind goroutine
  waker_stack_id INTEGER REFERENCES stack (id), -- where the waker was
  is_start_seen INTEGER NOT NULL DEFAULT 1, -- 0: it began earlier, nobody knows when: wait_ns is a lower bound
  labels_id INTEGER REFERENCES labels (id), -- pprof labels of who waited; NULL: none
  doubt TEXT                           -- NULL, or why the figures are doubtful: gap (records are missing in its time,
                                       -- enough of them to hide another wait), wake_missing, run_missing, illegal,
                                       -- sampled (only snapshots tell about it)
);

-- What each wait was for: one row, or one for each case of a select.
CREATE TABLE wait_object (
  wait_id INTEGER NOT NULL REFERENCES wait (id), -- whose object
  ordinal INTEGER NOT NULL,            -- 0, 1 …
  object_id INTEGER REFERENCES object (id), -- NULL: a nil channel
  direction TEXT,                      -- send, recv; NULL for other objects
  is_fired INTEGER,                    -- select: 1: this case ended it, 0: another one; NULL: not known
  PRIMARY KEY (wait_id, ordinal)
) WITHOUT ROWID;

-- Every stretch of time that a thread spent on or off a CPU.
CREATE TABLE thread_interval (
  id INTEGER PRIMARY KEY,              -- ascending in the order of their ends
  tid INTEGER NOT NULL,                -- whose
  is_on_cpu INTEGER NOT NULL,          -- 1: on a CPU, 0: off
  start_ns INTEGER NOT NULL,           -- from when
  end_ns INTEGER,                      -- NULL: still open at the end
  cpu INTEGER,                         -- on: where
  state INTEGER,                       -- off: as in thread_switch
  next_tid INTEGER,                    -- off: who took the CPU
  next_name TEXT,                      -- off: its name
  goid INTEGER,                        -- off: the goroutine that was running on the thread, NULL: none known
  activity TEXT,                       -- off: as in thread_switch
  stack_id INTEGER REFERENCES stack (id) -- off: as in thread_switch
);

-- System calls, and calls of foreign code (cgo), in which a goroutine's thread left its CPU. Shorter ones are not seen.
CREATE TABLE syscall (
  id INTEGER PRIMARY KEY,              -- in the order of their ends
  goid INTEGER NOT NULL,               -- who called
  tid INTEGER NOT NULL,                -- on which thread
  name TEXT,                           -- read, futex …; cgo; NULL: not known
  start_ns INTEGER NOT NULL,           -- its thread left the CPU (it may have been in the call for a while before)
  end_ns INTEGER,                      -- the goroutine ran on, or wanted to; NULL: still in it at the end
  sleep_count INTEGER NOT NULL,        -- how often its thread left the CPU in it
  lost_p INTEGER,                      -- 1: its P was taken meanwhile; 0: not; NULL: not known
  stack_id INTEGER REFERENCES stack (id), -- where, as far as it was recorded
  labels_id INTEGER REFERENCES labels (id) -- its pprof labels; NULL: none
);

-- Cycles of the garbage collector.
CREATE TABLE gc_cycle (
  id INTEGER PRIMARY KEY,              -- 1, 2 … in the recording
  start_ns INTEGER,                    -- the first stop of the world begins; NULL: before the recording
  mark_start_ns INTEGER,               -- marking begins, beside the program
  mark_end_ns INTEGER,                 -- the second stop begins
  end_ns INTEGER,                      -- the world runs again; NULL: not in the recording
  stw_ns INTEGER,                      -- how long the world was stopped, or being stopped, in both
  assist_count INTEGER,                -- waits for assist credit in it; NULL: not known
  assist_wait_ns INTEGER               -- their length
);
