-- A small recording of ten seconds: goroutines 1 (main), 3 (runtime), 7 (producer) and 18 (worker).
INSERT INTO meta VALUES ('trace.id','00112233445566778899aabbccddeeff'),('process.name','orders'),('process.pid','4711'),('go.version','go1.26.8'),('host.name','box'),('record.mode','launch'),('go.module','example.com/orders'),('go.wait_reason.1','x');
INSERT INTO recording VALUES (1000000000, 11000000000, 1795366800000000000, 0, 1, 123456, 0, 0, '0123456789abcdef');
INSERT INTO chunk VALUES (0,0,1,1,0,0,500,900,NULL,NULL,NULL,1,2,3),(1,660,2,1,100,0,5000,9000,1,2,3,1,2,3);
INSERT INTO function VALUES (1,'main.producer','main',0),(2,'main.worker','main',0),(3,'runtime.chanrecv1','runtime',1),(4,'main.main','main',0),(5,'sync.(*Mutex).Lock','sync',1),(6,'example.com/orders/store.(*Cache).Get','example.com/orders/store',0),(7,'runtime.gopark','runtime',1),(8,'runtime.bgsweep','runtime',1);
INSERT INTO file VALUES (1,'/src/app/main.go'),(2,'/src/app/worker.go'),(3,'/src/app/store/cache.go');
INSERT INTO stack VALUES (1,3,0,2,2,31),(2,1,0,1,1,40),(3,1,0,4,1,12),(4,2,0,6,3,77),(5,1,0,NULL,NULL,NULL);
INSERT INTO frame VALUES (1,0,7,NULL,NULL,0,1),(1,1,3,NULL,NULL,0,2),(1,2,2,2,31,0,3),(2,0,1,1,40,0,4),(3,0,4,1,12,0,5),(4,0,5,NULL,NULL,0,6),(4,1,6,3,77,0,7);
INSERT INTO reason VALUES (19,'chan receive','chan_recv'),(20,'chan send','chan_send'),(18,'select','select'),(22,'sync.Mutex.Lock','mutex'),(14,'sleep','sleep'),(2,'IO wait','net'),(8,'GC sweep wait','gc'),(25,'sync.WaitGroup.Wait','waitgroup');
INSERT INTO object VALUES (1,'chan',0xc000102060,1,'main.Job',8,0,0),(2,'chan',0xc000102060,2,'int',0,0,0),(3,'chan',0xc000103000,1,'struct {}',0,0,1),(4,'mutex',0xc000200000,1,NULL,NULL,0,0),(5,'chan',0xc000104000,1,'time.Time',1,1,0);
INSERT INTO state VALUES (0,'unknown'),(1,'runnable'),(2,'running'),(3,'waiting'),(4,'preempted'),(5,'dead');
CREATE TEMP TRIGGER put_goroutine INSTEAD OF INSERT ON main.goroutine BEGIN
  INSERT INTO packed_goroutine (goid, first_ns, life_ns, created_after_ns, ended_before_ns, facts, creator_goid, create_stack_id, start_function_id, running_ns, runnable_ns, waiting_ns, unknown_ns, wait_count)
  VALUES (NEW.goid, NEW.first_ns, NEW.last_ns - NEW.first_ns, NEW.created_ns - NEW.first_ns, NEW.last_ns - NEW.ended_ns, NEW.is_start_inferred | (NEW.is_system << 1) | (NEW.state << 2), NEW.creator_goid,
          NEW.create_stack_id, NEW.start_function_id, NEW.running_ns, NEW.runnable_ns, NEW.waiting_ns, NEW.unknown_ns, NEW.wait_count);
END;
INSERT INTO goroutine (goid, created_ns, ended_ns, creator_goid, create_stack_id, start_function_id, is_start_inferred, is_system, first_ns, last_ns, state, running_ns, runnable_ns, waiting_ns, unknown_ns, wait_count) VALUES (1,1000000000,NULL,NULL,NULL,4,0,0,1000000000,10900000000,3,100,200,9000000000,0,4),(7,1100000000,NULL,1,3,1,0,0,1100000000,10900000000,3,100,200,300,0,2),(18,1200000000,9000000000,1,3,2,0,0,1200000000,9000000000,5,100000000,2000,3000000000,0,3),(3,NULL,NULL,NULL,NULL,8,1,1,1000000000,10900000000,3,100,200,300,5000,2);
CREATE TEMP TRIGGER put_wait INSTEAD OF INSERT ON main.wait BEGIN
  INSERT INTO packed_wait (id, goid, start_ns, wait_ns, reason, facts, stack_id, waker_goid, waker_stack_id, run_after_ns, value)
  VALUES (NEW.id, NEW.goid, NEW.start_ns, NEW.wait_ns, NEW.reason,
          (NEW.wake_ns IS NOT NULL) | (NEW.is_open << 1) | (NEW.is_system << 2)
          | (CASE NEW.waker_kind WHEN 'goroutine' THEN 1 WHEN 'timer' THEN 2 WHEN 'scheduler' THEN 5 WHEN 'none_yet' THEN 6 ELSE 0 END << 4)
          | (CASE NEW.doubt WHEN 'gap' THEN 1 WHEN 'wake_missing' THEN 2 ELSE 0 END << 7),
          NEW.stack_id, NEW.waker_goid, NEW.waker_stack_id, NEW.run_ns - coalesce(NEW.wake_ns, NEW.start_ns), NEW.value);
END;
INSERT INTO wait (id, goid, start_ns, wake_ns, run_ns, wait_ns, runnable_ns, is_open, reason, is_system, stack_id, value, waker_kind, waker_goid, waker_stack_id, doubt) VALUES
 (1,18,1500000000,3800000000,3800050000,2300000000,50000,0,19,0,1,NULL,'goroutine',7,2,NULL),
 (2,18,4000000000,4100000000,4100001000,100000000,1000,0,18,0,1,NULL,'timer',NULL,NULL,NULL),
 (3,7,1600000000,NULL,NULL,9400000000,NULL,1,20,0,2,NULL,'none_yet',NULL,NULL,NULL),
 (4,1,2000000000,2500000000,2500002000,500000000,2000,0,22,0,4,NULL,'goroutine',18,1,'gap'),
 (5,1,5000000000,6000000000,6000002000,1000000000,2000,0,14,0,3,1000000000,'timer',NULL,NULL,NULL),
 (6,3,5000000000,6000000000,6000002000,1000000000,2000,0,8,1,5,NULL,'scheduler',NULL,NULL,NULL),
 (7,1,7000000000,NULL,7500000000,NULL,NULL,0,19,0,1,NULL,'unknown',NULL,NULL,'wake_missing'),
 (8,18,8000000000,8000100000,8000100500,100000,500,0,19,0,1,NULL,'goroutine',7,2,NULL);
INSERT INTO object_set VALUES (1,0,2,1),(1,1,3,2),(1,2,NULL,2);
UPDATE packed_wait SET object = -1, facts = facts | (2 << 21), labels_id = 1 WHERE id = 2;
UPDATE packed_wait SET object = 1, facts = facts | (2 << 10) WHERE id IN (1, 8);
UPDATE packed_wait SET object = 1, facts = facts | (1 << 10) WHERE id = 3;
UPDATE packed_wait SET object = 4 WHERE id = 4;
UPDATE packed_wait SET object = 2, facts = facts | (2 << 10) WHERE id = 7;
INSERT INTO plain_interval VALUES (1,18,1,1200000000,1210000000,NULL,NULL,NULL,0),(2,18,2,1210000000,1500000000,4712,0,NULL,2),(3,18,3,1500000000,3800000000,NULL,NULL,1,0),(4,18,1,3800000000,3800050000,NULL,NULL,NULL,0),(5,18,2,3800050000,4000000000,4712,1,NULL,4),(6,18,3,4000000000,4100000000,NULL,NULL,2,0),(7,18,2,4100000000,9000000000,4712,1,NULL,0);
INSERT INTO anomaly_kind VALUES ('illegal','error','an event does not follow from the state before','see'),('stale','info','a','b');
INSERT INTO labels VALUES (1,'{"tenant_id":"video-a"}','tenant_id=video-a');
UPDATE packed_goroutine SET labels_id = 1, syscall_ns = 7 WHERE goid = 18;
