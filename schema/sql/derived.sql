-- Derived tables: conclusions from the facts. They may be dropped and made again.

-- One row for each goroutine that was seen, with the two ends of its life. Packed for space and speed: the view goroutine says what
-- the columns mean, transition and interval unfold the rest.
CREATE TABLE packed_goroutine (
  goid INTEGER PRIMARY KEY,            -- goroutine.goid
  first_ns INTEGER NOT NULL,           -- goroutine.first_ns
  life_ns INTEGER NOT NULL,            -- from first_ns to goroutine.last_ns
  created_after_ns INTEGER,            -- from first_ns to goroutine.created_ns
  ended_before_ns INTEGER,             -- from goroutine.ended_ns to last_ns
  facts INTEGER NOT NULL,              -- bits: 0 is_start_inferred, 1 is_system, 2-4 state; it stands for these rows too: 5 its
                                       -- create, runnable from there to its first exec, that exec (6: inferred); 7 its end and
                                       -- the run before it (8: whose begin is inferred)
  creator_goid INTEGER,                -- goroutine.creator_goid
  create_stack_id INTEGER REFERENCES stack (id), -- goroutine.create_stack_id
  start_function_id INTEGER REFERENCES function (id), -- goroutine.start_function_id
  running_ns INTEGER NOT NULL,         -- goroutine.running_ns
  runnable_ns INTEGER NOT NULL,        -- goroutine.runnable_ns
  waiting_ns INTEGER NOT NULL,         -- goroutine.waiting_ns
  unknown_ns INTEGER NOT NULL,         -- goroutine.unknown_ns
  wait_count INTEGER NOT NULL,         -- goroutine.wait_count
  syscall_ns INTEGER NOT NULL DEFAULT 0, -- goroutine.syscall_ns
  labels_id INTEGER REFERENCES labels (id), -- goroutine.labels_id
  wait_since_ns INTEGER,               -- goroutine.wait_since_ns
  created_place INTEGER REFERENCES place (id), -- of the create
  first_place INTEGER REFERENCES place (id), -- of the first exec
  first_bound_ns INTEGER,              -- transition.bound_ns of the first exec
  later_runnable_ns INTEGER,           -- runnable_ns without the stretch before the first exec
  end_place INTEGER REFERENCES place (id), -- of the end; its P is that of the run before
  earlier_running_ns INTEGER,          -- running_ns without the run before the end
  told_end_ns INTEGER                  -- when it ended, if it was met again later; NULL: at goroutine.ended_ns
);

-- Stretches of one state that are not part of a packed row.
CREATE TABLE plain_interval (
  id INTEGER PRIMARY KEY,              -- interval.id
  goid INTEGER NOT NULL,               -- as in interval, and so on
  state INTEGER NOT NULL,              -- …
  start_ns INTEGER NOT NULL,           -- …
  end_ns INTEGER,                      -- …
  tid INTEGER,                         -- …
  p INTEGER,                           -- …
  wait_id INTEGER,                     -- …
  flags INTEGER NOT NULL               -- …
);

-- Waits by place, object and reason, summed up. A key may have several rows: add them.
CREATE TABLE wait_sum (
  object INTEGER,                      -- as packed_wait.object
  stack_id INTEGER REFERENCES stack (id), -- where
  reason INTEGER NOT NULL REFERENCES reason (number), -- why
  is_system INTEGER NOT NULL,          -- wait.is_system
  waits INTEGER NOT NULL,              -- how many
  open_waits INTEGER NOT NULL,         -- how many of them last to the end of the recording
  wakes INTEGER NOT NULL,              -- how many of them ended with a wake-up that was seen
  wait_ns INTEGER NOT NULL,            -- sum of wait.wait_ns
  runnable_ns INTEGER NOT NULL,        -- sum of wait.runnable_ns
  longest_ns INTEGER,                  -- longest wait.wait_ns; NULL: none has a length
  longest_id INTEGER,                  -- whose: the first such wait
  longest_wake_ns INTEGER              -- longest wait.wait_ns of those that ended with a wake-up; NULL: none
);

-- Waits by goroutine and reason, summed up. A key may have several rows: add them.
CREATE TABLE goroutine_sum (
  goid INTEGER NOT NULL,               -- who waited
  reason INTEGER NOT NULL REFERENCES reason (number), -- why
  is_system INTEGER NOT NULL,          -- as in wait_sum, and so on
  waits INTEGER NOT NULL,              -- …
  open_waits INTEGER NOT NULL,         -- …
  wait_ns INTEGER NOT NULL,            -- …
  runnable_ns INTEGER NOT NULL,        -- …
  longest_ns INTEGER,                  -- …
  longest_id INTEGER                   -- …
);

-- Waits by object, a select's for each of its channels, summed up.
CREATE TABLE object_sum (
  object_id INTEGER NOT NULL REFERENCES object (id), -- what was waited for
  is_system INTEGER NOT NULL,          -- as in wait_sum, and so on
  waits INTEGER NOT NULL,              -- …
  open_waits INTEGER NOT NULL,         -- …
  wait_ns INTEGER NOT NULL,            -- …
  longest_ns INTEGER,                  -- …
  last_wake_id INTEGER,                -- last wait that somebody ended, by this object as far as is known; NULL: none
  PRIMARY KEY (object_id, is_system)
) WITHOUT ROWID;

-- Waits that are over, by object and by who ended them, summed up. A key may have several rows: add them.
CREATE TABLE wake_sum (
  object INTEGER,                      -- as packed_wait.object
  reason INTEGER NOT NULL REFERENCES reason (number), -- why it was waited
  is_system INTEGER NOT NULL,          -- wait.is_system
  waker_stack_id INTEGER REFERENCES stack (id), -- where
  waits INTEGER NOT NULL,              -- as in wait_sum, and so on
  wait_ns INTEGER NOT NULL,            -- …
  longest_ns INTEGER                   -- …
);

-- Waits of the program's own goroutines for locks, by lock, by who ended them and by who waited, summed up.
CREATE TABLE lock_sum (
  object_id INTEGER REFERENCES object (id), -- which lock; NULL: not recorded
  waker_goid INTEGER,                  -- who ended the waits: the holder; NULL: no goroutine, or not known
  waker_stack_id INTEGER REFERENCES stack (id), -- where
  goid INTEGER NOT NULL,               -- who waited
  is_open INTEGER NOT NULL,            -- 1: these last to the end of the recording
  waits INTEGER NOT NULL,              -- as in wait_sum, and so on
  wait_ns INTEGER NOT NULL,            -- …
  longest_ns INTEGER                   -- …
);

-- The ten holders of each lock, each at one place in the code, who let others wait for it longest.
CREATE TABLE lock_holder (
  object_id INTEGER NOT NULL,          -- which lock, as in lock_sum; 0: not recorded
  place INTEGER NOT NULL,              -- 1, 2 … 10: the longest first
  waker_goid INTEGER NOT NULL,         -- who
  function_id INTEGER,                 -- where: stack.site_function_id
  file_id INTEGER,                     -- stack.site_file_id
  line INTEGER,                        -- stack.site_line
  waits INTEGER NOT NULL,              -- how many waits they ended there
  wait_ns INTEGER NOT NULL,            -- …
  places INTEGER NOT NULL,             -- how many holders, each at one place, the lock had in all
  PRIMARY KEY (object_id, place)
) WITHOUT ROWID;

-- The thousand holders of locks, each at one place in the code, who let others wait longest. Whoever asks for more finds all in
-- lock_sum.
CREATE TABLE holder_sum (
  waker_goid INTEGER,                  -- as in lock_sum
  function_id INTEGER,                 -- where: stack.site_function_id
  file_id INTEGER,                     -- stack.site_file_id
  line INTEGER,                        -- stack.site_line
  waits INTEGER NOT NULL,              -- how many waits they ended there
  wait_ns INTEGER NOT NULL,            -- …
  longest_ns INTEGER                   -- …
);

-- Waits of the program's own goroutines for the garbage collector.
CREATE TABLE gc_wait (
  id INTEGER PRIMARY KEY               -- wait.id
);

-- How many different goroutines waited for an object, or ended waits for it.
CREATE TABLE object_people (
  object_id INTEGER NOT NULL REFERENCES object (id), -- which
  is_waker INTEGER NOT NULL,           -- 0: who waited, 1: who ended waits
  goroutines INTEGER NOT NULL,         -- how many
  PRIMARY KEY (is_waker, object_id)
) WITHOUT ROWID;

-- How many different goroutines waited at a place for a reason.
CREATE TABLE site_people (
  function_id INTEGER,                 -- stack.site_function_id
  file_id INTEGER,                     -- stack.site_file_id
  line INTEGER,                        -- stack.site_line
  reason INTEGER NOT NULL,             -- why
  is_system INTEGER NOT NULL,          -- 1: of the runtime's own
  goroutines INTEGER NOT NULL          -- how many
);

-- The longest of all waits, about one in fifty. Whoever looks for long waits finds them here first; if they are too few,
-- packed_wait has all.
CREATE TABLE long_wait (
  wait_ns INTEGER NOT NULL,            -- wait.wait_ns
  id INTEGER NOT NULL,                 -- wait.id
  start_ns INTEGER NOT NULL,           -- wait.start_ns
  PRIMARY KEY (wait_ns, id)
) WITHOUT ROWID;

-- From which length on a wait stands in long_wait: one row.
CREATE TABLE long_limit (
  wait_ns INTEGER NOT NULL             -- at least this
);

-- When the waits of a block of ids lie in time. Whoever asks for a time finds the waits of the blocks that touch it, and the
-- rest in long_wait.
CREATE TABLE wait_block (
  id INTEGER PRIMARY KEY,              -- wait.id / 1024
  first_ns INTEGER,                    -- all of its waits start at or after it, but for those of long_wait; NULL: it has no others
  last_ns INTEGER NOT NULL             -- all of its waits end at or before it
);

-- Stretches of threads that are not part of a packed row.
CREATE TABLE plain_thread_interval (
  id INTEGER PRIMARY KEY,              -- thread_interval.id
  tid INTEGER NOT NULL,                -- as in thread_interval, and so on
  is_on_cpu INTEGER NOT NULL,          -- …
  start_ns INTEGER NOT NULL,           -- …
  end_ns INTEGER,                      -- …
  cpu INTEGER,                         -- …
  state INTEGER,                       -- …
  next_tid INTEGER,                    -- …
  next_name_id INTEGER REFERENCES name (id), -- …
  goid INTEGER,                        -- …
  activity INTEGER NOT NULL,           -- 0 not known, 1 go, 2 idle, 3 syscall, 4 foreign, 5 runtime
  stack_id INTEGER                     -- …
);

-- System calls in which a goroutine's thread left its CPU, and calls of foreign code (cgo) in which it went to sleep. Shorter
-- ones are not seen.
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

-- System calls by name and place, summed up. A key may have several rows: add them.
CREATE TABLE syscall_sum (
  name TEXT,                           -- syscall.name
  stack_id INTEGER REFERENCES stack (id), -- syscall.stack_id
  calls INTEGER NOT NULL,              -- how many
  open_calls INTEGER NOT NULL,         -- how many of them last to the end of the recording
  ns INTEGER NOT NULL,                 -- sum of their lengths, open ones to the end of the recording
  longest_ns INTEGER NOT NULL,         -- the longest
  longest_goid INTEGER NOT NULL,       -- whose: the first such call
  lost_p INTEGER                       -- how many lost their P; NULL: not known of any
);

-- How many different goroutines made a system call, in all and at each place.
CREATE TABLE syscall_people (
  name TEXT,                           -- syscall.name
  is_site INTEGER NOT NULL,            -- 0: anywhere, 1: at this place
  function_id INTEGER,                 -- stack.site_function_id
  file_id INTEGER,                     -- stack.site_file_id
  line INTEGER,                        -- stack.site_line
  goroutines INTEGER NOT NULL          -- how many
);

-- Stretches of threads in packed_switch, summed up. A key may have several rows: add them.
CREATE TABLE thread_sum (
  tid INTEGER NOT NULL,                -- whose
  kind INTEGER NOT NULL,               -- 0 on a CPU, 1 preempted; off its CPU otherwise, in: 2 a system call, 3 foreign code, 4 idle,
                                       -- 5 the runtime, 6 Go code, 7 not known
  next_tid INTEGER,                    -- preempted: who took the CPU
  next_name_id INTEGER REFERENCES name (id), -- preempted: its name
  stretches INTEGER NOT NULL,          -- how many
  ns INTEGER NOT NULL                  -- how long together
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
