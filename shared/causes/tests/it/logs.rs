//! Logs as runtimes end them: which of several errors a program died of.

use prodrome_causes::{Classification, Kind, Text, classify};
use prodrome_model::Owner;

fn check(table: &[(&str, &str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .filter_map(|(name, log, want)| {
            let why = classify(&Text::log(log));
            (why.id() != *want)
                .then(|| format!("{name}: {want} taken for {} ({:.2})", why.id(), why.confidence))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), table.len());
}

#[test]
fn what_a_program_got_over_is_not_what_it_died_of() {
    check(&[
        (
            "a name that resolved at last, then a mistake",
            "Error: getaddrinfo ENOTFOUND db\nconnected to db\nTypeError: Cannot read properties of undefined (reading 'rows')\n    at handler (/app/api.js:41:17)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
            "app-error",
        ),
        (
            "a refused connection that came back, then a port",
            "2026-03-02T10:00:00Z ERROR dial tcp 10.0.0.7:5432: connect: connection refused\n2026-03-02T10:00:05Z INFO database connection established\n2026-03-02T10:00:05Z FATAL listen tcp :8080: bind: address already in use",
            "app-port-in-use",
        ),
        (
            "a warning in passing, then a nil pointer",
            "2026/03/02 10:00:00 WARN redis: dial tcp 10.0.0.3:6379: connect: connection refused, going on without a cache\n2026/03/02 10:00:01 INFO loaded 312 products\n2026/03/02 10:00:02 INFO GET /products 200\npanic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x6f0a12]\n\ngoroutine 18 [running]:\nmain.(*Shop).List(0x0)\n\t/src/shop.go:57 +0x1b\nexit status 2",
            "app-error",
        ),
        (
            "a retry that succeeded, then memory",
            "attempt 1: Connection refused\nattempt 2: Connection refused\nretry succeeded after 3 attempts\nprocessing batch 1\nprocessing batch 2\nException in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n\tat java.base/java.util.Arrays.copyOf(Arrays.java:3512)",
            "oom-killed",
        ),
        (
            "a certificate of the telemetry, then a missing setting",
            "{\"level\":\"error\",\"msg\":\"failed to export spans: x509: certificate signed by unknown authority (otlp)\"}\n{\"level\":\"info\",\"msg\":\"serving on :8080\"}\n{\"level\":\"fatal\",\"msg\":\"environment variable STRIPE_KEY is not set\"}",
            "app-config-missing",
        ),
        (
            "an error at work, then an assertion",
            "INFO:app:ready\nERROR:app:could not send mail: [Errno 111] Connection refused\nINFO:app:order 17 stored\nINFO:app:order 18 stored\nTraceback (most recent call last):\n  File \"/app/worker.py\", line 31, in <module>\n    run()\n  File \"/app/worker.py\", line 12, in run\n    assert total >= 0\nAssertionError",
            "app-error",
        ),
        (
            "Spring: a refused broker in passing, the port at the end",
            "2026-03-02 10:00:00.000  WARN 1 --- [ad | producer-1] o.apache.kafka.clients.NetworkClient : [Producer clientId=producer-1] Connection to node -1 (kafka/10.0.0.9:9092) could not be established. Broker may not be available.\n2026-03-02 10:00:02.000  INFO 1 --- [           main] o.s.b.w.e.tomcat.TomcatWebServer : Tomcat initialized with port(s): 8080 (http)\n2026-03-02 10:00:03.000 ERROR 1 --- [           main] o.s.b.d.LoggingFailureAnalysisReporter :\n\n***************************\nAPPLICATION FAILED TO START\n***************************\n\nDescription:\n\nWeb server failed to start. Port 8080 was already in use.\n\nAction:\n\nIdentify and stop the process that's listening on port 8080 or configure this application to listen on another port.",
            "app-port-in-use",
        ),
        (
            ".NET: an SQL timeout in passing, a null at the end",
            "warn: Shop.Db[0]\n      Connection timed out, trying again\ninfo: Microsoft.Hosting.Lifetime[14]\n      Now listening on: http://[::]:8080\ninfo: Microsoft.Hosting.Lifetime[0]\n      Application started. Press Ctrl+C to shut down.\nUnhandled exception. System.NullReferenceException: Object reference not set to an instance of an object.\n   at Shop.Worker.Run() in /src/Worker.cs:line 14\n   at Program.<Main>$(String[] args) in /src/Program.cs:line 9",
            "app-error",
        ),
        (
            "Ruby: the cache away for a moment, a method of nil at the end",
            "E, [2026-03-02T10:00:00.000 #1] ERROR -- : Redis::CannotConnectError: Error connecting to Redis on redis:6379 (Errno::ECONNREFUSED)\nI, [2026-03-02T10:00:03.000 #1]  INFO -- : Connected to redis\nI, [2026-03-02T10:00:04.000 #1]  INFO -- : Completed 200 OK in 3ms\n/app/lib/cart.rb:12:in `total': undefined method `sum' for nil:NilClass (NoMethodError)\n\tfrom /app/lib/cart.rb:30:in `checkout'\n\tfrom /app/bin/worker:7:in `<main>'",
            "app-error",
        ),
        (
            "Rust: a refusal that was tried again, an unwrap at the end",
            "2026-03-02T10:00:00.000000Z  WARN shop::db: error connecting to database: Connection refused (os error 111), retrying\n2026-03-02T10:00:02.000000Z  INFO shop::db: connected to postgres\n2026-03-02T10:00:02.100000Z  INFO shop: listening on 0.0.0.0:8080\n2026-03-02T10:00:09.000000Z  INFO shop: request handled in 3ms\nthread 'tokio-runtime-worker' panicked at src/cart.rs:88:14:\ncalled `Option::unwrap()` on a `None` value\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
            "app-error",
        ),
        (
            "PHP: a deprecation and a refusal, a missing class at the end",
            "[02-Mar-2026 10:00:00 UTC] PHP Warning:  Redis::connect(): Connection refused in /app/cache.php on line 9\n[02-Mar-2026 10:00:01 UTC] cache is off, going on\n[02-Mar-2026 10:00:02 UTC] request served\n[02-Mar-2026 10:00:03 UTC] request served\n[02-Mar-2026 10:00:04 UTC] PHP Fatal error:  Uncaught Error: Class \"App\\Mailer\" not found in /app/index.php:12\nStack trace:\n#0 {main}\n  thrown in /app/index.php on line 12",
            "app-module-missing",
        ),
        (
            "nginx: an upstream refused at work, a wrong file at the reload",
            "2026/03/02 10:00:00 [error] 31#31: *7 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.1, server: , request: \"GET / HTTP/1.1\", upstream: \"http://10.0.0.9:8080/\"\n10.0.0.1 - - [02/Mar/2026:10:00:01 +0000] \"GET / HTTP/1.1\" 200 612 \"-\" \"kube-probe/1.33\"\n2026/03/02 10:00:02 [emerg] 1#1: unknown directive \"proxypass\" in /etc/nginx/nginx.conf:14\nnginx: configuration file /etc/nginx/nginx.conf test failed",
            "app-config-wrong",
        ),
    ]);
}

#[test]
fn a_root_error_is_kept_before_its_consequences() {
    let refused = "dial tcp 10.0.0.7:5432: connect: connection refused\n".repeat(5);
    check(&[
        ("giving up", &format!("{refused}fatal: giving up after 5 attempts"), "app-dependency-unreachable"),
        (
            "with attempts told between",
            "connecting to db (attempt 1)\nconnection refused, retrying in 5s\nconnecting to db (attempt 2)\nconnection refused, retrying in 5s\nfatal: could not start: giving up",
            "app-dependency-unreachable",
        ),
        (
            "at levels",
            "2026-03-02 10:00:00 INFO starting\n2026-03-02 10:00:01 ERROR password authentication failed for user \"shop\"\n2026-03-02 10:00:01 ERROR cannot start\n2026-03-02 10:00:01 INFO shutting down\n2026-03-02 10:00:01 INFO bye",
            "app-dependency-auth",
        ),
        (
            "Java's cause at the end of the stack",
            "Exception in thread \"main\" org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'dataSource'\n\tat org.springframework.boot.SpringApplication.run(SpringApplication.java:300)\n\tat com.example.App.main(App.java:10)\nCaused by: org.hibernate.HibernateException: Access to DialectResolutionInfo cannot be null\n\t... 17 more\nCaused by: java.net.UnknownHostException: db\n\tat java.base/java.net.InetAddress.getAllByName0(InetAddress.java:1519)\n\t... 33 more",
            "app-dns-failure",
        ),
        (
            "Python's chain",
            "Traceback (most recent call last):\n  File \"/usr/lib/python3.12/site-packages/urllib3/connection.py\", line 198, in _new_conn\n    sock = connection.create_connection(\nConnectionRefusedError: [Errno 111] Connection refused\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File \"/app/main.py\", line 9, in <module>\n    start()\n  File \"/app/main.py\", line 5, in start\n    raise RuntimeError(\"cannot start\") from e\nRuntimeError: cannot start",
            "app-dependency-unreachable",
        ),
        (
            "a null right behind the refusal that made it",
            "Error connecting to mongo: connect ECONNREFUSED 10.0.0.4:27017\nTypeError: Cannot read properties of undefined (reading 'collection')\n    at main (/app/index.js:19:22)\n\nNode.js v20.11.1",
            "app-dependency-unreachable",
        ),
        (
            "npm around it",
            "> shop@1.0.0 start\n> node index.js\n\nnode:internal/modules/cjs/loader:1228\n  throw err;\n  ^\n\nError: Cannot find module 'express'\nRequire stack:\n- /app/index.js\n    at Module._resolveFilename (node:internal/modules/cjs/loader:1225:15) {\n  code: 'MODULE_NOT_FOUND',\n  requireStack: [ '/app/index.js' ]\n}\n\nNode.js v20.11.1\nnpm ERR! code ELIFECYCLE\nnpm ERR! errno 1\nnpm ERR! shop@1.0.0 start: `node index.js`\nnpm ERR! Exit status 1\nnpm ERR! A complete log of this run can be found in:\nnpm ERR!     /root/.npm/_logs/x-debug.log",
            "app-module-missing",
        ),
        (
            "a shutdown whose connections break",
            "2026-03-02 10:00:00 INFO up\n2026-03-02 10:00:01 FATAL environment variable DB_URL is not set\n2026-03-02 10:00:01 INFO stopping workers\n2026-03-02 10:00:01 ERROR worker: connection closed\n2026-03-02 10:00:01 INFO stopped",
            "app-config-missing",
        ),
        (
            "gunicorn around it",
            "[2026-03-02 10:00:00 +0000] [1] [INFO] Starting gunicorn 21.2.0\n[2026-03-02 10:00:00 +0000] [7] [INFO] Booting worker with pid: 7\n[2026-03-02 10:00:00 +0000] [7] [ERROR] Exception in worker process\nTraceback (most recent call last):\n  File \"/usr/lib/python3.12/site-packages/gunicorn/arbiter.py\", line 609, in spawn_worker\n    worker.init_process()\nModuleNotFoundError: No module named 'shop'\n[2026-03-02 10:00:00 +0000] [7] [INFO] Worker exiting (pid: 7)\n[2026-03-02 10:00:00 +0000] [1] [ERROR] Worker (pid:7) exited with code 3\n[2026-03-02 10:00:00 +0000] [1] [ERROR] Shutting down: Master\n[2026-03-02 10:00:00 +0000] [1] [ERROR] Reason: Worker failed to boot.",
            "app-module-missing",
        ),
        (
            "PostgreSQL",
            "2026-03-02 10:00:00.000 UTC [1] LOG:  starting PostgreSQL 16.2\n2026-03-02 10:00:00.000 UTC [1] LOG:  could not bind IPv4 address \"0.0.0.0\": Address already in use\n2026-03-02 10:00:00.000 UTC [1] HINT:  Is another postmaster already running on port 5432? If not, wait a few seconds and retry.\n2026-03-02 10:00:00.000 UTC [1] WARNING:  could not create listen socket for \"*\"\n2026-03-02 10:00:00.000 UTC [1] FATAL:  could not create any TCP/IP sockets\n2026-03-02 10:00:00.000 UTC [1] LOG:  database system is shut down",
            "app-port-in-use",
        ),
        (
            "a database that is still refused when another is up",
            "connected to redis\nError: connect ECONNREFUSED 10.0.0.5:5432\nconnected to redis\nfatal: no database",
            "app-dependency-unreachable",
        ),
    ]);
}

#[test]
fn what_stands_far_away_in_a_log_neither_helps_nor_hinders() {
    let life = "INFO request served\n".repeat(30);
    check(&[
        (
            "the API server was read long before",
            &format!(
                "INFO listing https://10.96.0.1:443/api/v1/namespaces\n{life}FATAL dial tcp 10.0.0.7:5432: connect: connection refused"
            ),
            "app-dependency-unreachable",
        ),
        (
            "a certificate of the API server is another matter",
            &format!(
                "E0302 10:00:00.1 1 reflector.go:1] failed to list *v1.ConfigMap: Get \"https://10.96.0.1:443/api\": dial tcp 10.96.0.1:443: connect: connection refused\nI0302 10:00:05.1 1 shared_informer.go:1] Caches are synced for configmap\n{life}panic: assignment to entry in nil map\n\ngoroutine 57 [running]:\nmain.(*cache).put(...)\n\t/src/cache.go:31"
            ),
            "app-error",
        ),
    ]);
}

#[test]
fn what_was_well_again_is_named_with_doubt_at_most() {
    for log in [
        "getaddrinfo ENOTFOUND db\nconnected to db\nServer listening on port 3000\nGET /healthz 200",
        "ERROR connection refused\nINFO connection restored\n",
        "Connection refused\nretry succeeded\ndone",
    ] {
        let why = classify(&Text::log(log));
        assert!(why.confidence <= 0.5, "{log}: {} {}", why.id(), why.confidence);
    }
}

fn named(kind: Kind, text: &str) -> Classification {
    classify(&Text { kind, reason: "", text })
}

#[test]
fn words_that_users_sent_name_no_cause() {
    for text in [
        "comment from user: no such host",
        "user wrote: my disk says no space left on device",
        "10.1.2.3 - - [02/Mar/2026:10:00:00 +0000] \"GET /search?q=no+such+host HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0\"",
        "10.1.2.3 - - [02/Mar/2026:10:00:00 +0000] \"GET /?q=connection refused HTTP/1.1\" 200 512 \"https://x/?q=no such host\" \"no space left on device\"",
        "GET /search?q=no+such+host 200",
        "GET /search?q=no%20such%20host 200 3ms",
        "POST /api/feedback 201 body={\"message\":\"x509: certificate signed by unknown authority\"}",
        "{\"level\":\"info\",\"msg\":\"request\",\"req\":{\"method\":\"POST\",\"body\":{\"message\":\"no such host\"}},\"status\":201}",
        "{\"time\":\"2026-03-02T10:00:00Z\",\"level\":\"INFO\",\"msg\":\"comment stored\",\"comment\":\"getaddrinfo ENOTFOUND db\"}",
        "received message {\"user\":\"bob\",\"message\":\"connection refused\"}",
        "{\"user\":\"bob\",\"message\":\"certificate has expired\"}",
        "Indexed page \"What to do about no such host\" in 12 ms",
        "user searched for 'address already in use'",
        "new ticket: OutOfMemoryError in our shop",
        "saved post title=\"permission denied in my pod\" id=7",
        "INFO chat message from anna: the server says password authentication failed",
        "method=GET path=/s query=\"no such host\" status=200 duration=3ms user_agent=\"curl no route to host\"",
    ] {
        for kind in [Kind::Log, Kind::Event] {
            let why = named(kind, text);
            assert!(!why.is_known(), "{text}: {} {:.2}", why.id(), why.confidence);
        }
    }
    // The same words as a program's own are believed.
    for text in [
        "level=error msg=\"cannot store comment\" err=\"dial tcp: lookup db: no such host\"",
        "{\"level\":\"error\",\"path\":\"/comments\",\"error\":\"dial tcp: lookup db: no such host\"}",
        "POST /comments failed: dial tcp: lookup db: no such host",
        "GET /comments 500 Error: getaddrinfo ENOTFOUND db",
    ] {
        let why = named(Kind::Log, text);
        assert!(
            why.id() == "app-dns-failure" && why.confidence >= 0.8,
            "{text}: {} {:.2}",
            why.id(),
            why.confidence
        );
    }
}

#[test]
fn a_users_words_do_not_stand_against_the_programs() {
    check(&[
        (
            "an error, then a comment",
            "FATAL: password authentication failed for user \"shop\"\ncomment from user: no such host",
            "app-dependency-auth",
        ),
        (
            "a request whose address holds an error",
            "listen tcp :8080: bind: address already in use\n10.0.0.1 - - [02/Mar/2026:10:00:00 +0000] \"GET /?q=no such host HTTP/1.1\" 200 1 \"-\" \"-\"",
            "app-port-in-use",
        ),
    ]);
}

#[test]
fn a_full_disk_that_an_event_tells_of_is_the_nodes() {
    for (kind, reason, text, want) in [
        (
            Kind::Event,
            "Failed",
            "Failed to pull image \"r.example/a:1\": failed to pull and unpack image \"r.example/a:1\": failed to extract layer sha256:1: write /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs/lib: no space left on device: unknown",
            "node-disk-full",
        ),
        (
            Kind::Event,
            "FailedCreatePodSandBox",
            "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create containerd task: failed to create shim task: mkdir /run/containerd/io.containerd.runtime.v2.task/k8s.io/1: no space left on device: unknown",
            "node-disk-full",
        ),
        (
            Kind::Event,
            "FailedMount",
            "MountVolume.SetUp failed for volume \"tmp\" : mkdir /var/lib/kubelet/pods/1/volumes/kubernetes.io~empty-dir/tmp: no space left on device",
            "node-disk-full",
        ),
        (
            Kind::Event,
            "FailedMount",
            "MountVolume.SetUp failed for volume \"config\" : write /var/lib/kubelet/pods/1/volumes/x: no space left on device",
            "node-disk-full",
        ),
        (
            Kind::Event,
            "Failed",
            "Error: failed to create containerd container: failed to create snapshot: no space left on device",
            "node-disk-full",
        ),
        (Kind::Event, "Failed", "Error: no space left on device", "node-disk-full"),
        (Kind::Event, "", "no space left on device while creating container", "node-disk-full"),
        (
            Kind::Waiting,
            "CreateContainerError",
            "write /var/lib/kubelet/pods/1/etc-hosts: no space left on device",
            "node-disk-full",
        ),
        (
            Kind::Condition,
            "KubeletNotReady",
            "failed to write checkpoint: no space left on device",
            "node-disk-full",
        ),
        (
            Kind::Event,
            "FailedCreatePodSandBox",
            "Failed to create pod sandbox: mkdir /sys/fs/cgroup/memory/kubepods/burstable/pod1: no space left on device",
            "cgroup-failed",
        ),
        (
            Kind::Event,
            "VolumeResizeFailed",
            "resize volume \"pvc-1\" by resizer \"x\" failed: no space left on device in the thin pool",
            "volume-expand-failed",
        ),
        (Kind::Log, "", "OSError: [Errno 28] No space left on device", "app-disk-full"),
        (Kind::Event, "", "OSError: [Errno 28] No space left on device: '/data/x'", "app-disk-full"),
        (Kind::Log, "", "write /data/wal/0001: no space left on device", "app-disk-full"),
    ] {
        let why = classify(&Text { kind, reason, text });
        assert_eq!(why.id(), want, "{kind:?} {reason} {text}: {:.2}", why.confidence);
    }
}

#[test]
fn an_image_at_the_node_itself_or_its_link_is_its_users_mistake() {
    for (host, error) in [
        ("169.254.169.254", "dial tcp 169.254.169.254:443: connect: connection refused"),
        ("127.0.0.1:5000", "dial tcp 127.0.0.1:5000: connect: connection refused"),
        ("localhost", "dial tcp [::1]:443: connect: connection refused"),
        ("localhost:5001", "http: server gave HTTP response to HTTPS client"),
        ("[fe80::1]:5000", "i/o timeout"),
        (
            "metadata.google.internal",
            "dial tcp: lookup metadata.google.internal on 10.0.0.2:53: no such host",
        ),
    ] {
        let text = format!(
            "Failed to pull image \"{host}/x:1\": failed to pull and unpack image \"{host}/x:1\": failed to resolve reference \"{host}/x:1\": failed to do request: Head \"https://{host}/v2/x/manifests/1\": {error}"
        );
        let why = classify(&Text::event("Failed", &text));
        assert_eq!(why.owner, Some(Owner::User), "{host}: {}", why.id());
        assert!(
            why.id().starts_with("registry-") && why.summary.contains("image reference"),
            "{}",
            why.summary
        );
        assert!(!why.remediation.join(" ").contains("egress"), "{:?}", why.remediation);
    }
    let there = classify(&Text::event(
        "Failed",
        "failed to resolve reference \"localhost:5000/x:1\": localhost:5000/x:1: not found",
    ));
    assert_eq!((there.id(), there.remediation[0].contains("pushed")), ("image-not-found", true));
    let other = classify(&Text::event(
        "Failed",
        "Failed to pull image \"10.0.0.5:5000/x\": dial tcp 10.0.0.5:5000: connect: connection refused",
    ));
    assert_eq!(other.owner, Some(Owner::Platform));
}

#[test]
fn a_summary_says_whole_words_once() {
    let probe = classify(&Text::event(
        "Unhealthy",
        "Readiness probe failed: Get \"http://10.1.2.3:8080/healthz\": dial tcp 10.1.2.3:8080: connect: connection refused",
    ));
    assert!(
        probe.summary.contains("it says: Get \"http://10.1.2.3:8080/healthz\": dial tcp"),
        "{}",
        probe.summary
    );
    assert_eq!(probe.summary.matches("10.1.2.3:8080").count(), 2, "as it says it: {}", probe.summary);
    let image = classify(&Text::waiting(
        "ErrImagePull",
        "failed to resolve reference \"r.example/shop:2\": r.example/shop:2: not found",
    ));
    assert_eq!(image.summary.matches("r.example").count(), 1, "{}", image.summary);
    let long = format!(
        "{} panic: listen tcp :80: bind: address already in use {}",
        "wordy ".repeat(60),
        "more ".repeat(90)
    );
    let quote = classify(&Text::log(&long)).quote;
    assert!(quote.starts_with("…wordy") && quote.ends_with("more…"), "{quote}");
}

#[test]
fn a_logs_facts_are_those_of_the_error_it_died_of() {
    let why =
        classify(&Text::log("Error: getaddrinfo ENOTFOUND db\nconnected to db\nTypeError: x is undefined"));
    assert_eq!(
        (why.id(), why.facts.get(prodrome_causes::Fact::Host)),
        ("app-error", None),
        "{}",
        why.summary
    );
    let why = classify(&Text::log(
        "AggregateError [ECONNREFUSED]: \n  code: 'ECONNREFUSED',\n  [errors]: [\n    Error: connect ECONNREFUSED 10.0.0.1:5432",
    ));
    assert_eq!(why.facts.get(prodrome_causes::Fact::Address), Some("10.0.0.1:5432"));
}

#[test]
fn a_reason_alone_says_what_it_says() {
    for (reason, want) in [
        ("CrashLoopBackOff", "unknown"),
        ("OOMKilled", "oom-killed"),
        ("InvalidImageName", "image-name-invalid"),
    ] {
        let why = classify(&Text::waiting(reason, ""));
        assert_eq!(why.id(), want);
        assert!(
            why.is_known() || why.summary == format!("The reason {reason} alone does not say why."),
            "{}",
            why.summary
        );
    }
}

#[test]
fn a_process_that_somebody_killed_is_perhaps_one_that_took_too_much_memory() {
    let table = [
        ("Killed", "oom-killed", 0.35..0.45),
        ("loading the model\nKilled\n", "oom-killed", 0.35..0.45),
        ("2026-03-02T10:00:00.000000000Z stderr F Killed", "oom-killed", 0.35..0.45),
        ("/app/start.sh: line 3:    12 Killed                  java -jar app.jar", "oom-killed", 0.35..0.45),
        ("LOG:  server process (PID 123) was terminated by signal 9: Killed", "oom-killed", 0.35..0.45),
        ("worker exited: signal: killed", "oom-killed", 0.35..0.45),
        ("Killed process 123 (java)", "oom-killed", 0.35..0.45),
        // What somebody says of its settings is no reason, nor is what follows from the end.
        ("request_timeout=30\nshutdown_timeout=5\nloading the model\nKilled", "oom-killed", 0.35..0.45),
        ("config: {\"db\":\"pg\",\"timeout\":30}\nKilled", "oom-killed", 0.35..0.45),
        ("INFO server started with a timeout of 30s\nworker: signal: killed", "oom-killed", 0.35..0.45),
        ("worker 3: signal: killed\nINFO all workers gone, shutting down", "oom-killed", 0.35..0.45),
        (
            "INFO order 12 was cancelled\nINFO step 1\nINFO step 2\nINFO step 3\nINFO step 4\nINFO step 5\nKilled",
            "oom-killed",
            0.35..0.45,
        ),
        (
            "timeout = 30\n[1] [ERROR] Worker (pid:9) was sent SIGKILL! Perhaps out of memory?",
            "oom-killed",
            0.35..0.45,
        ),
        ("[1] [ERROR] Worker (pid:9) was sent SIGKILL! Perhaps out of memory?", "oom-killed", 0.35..0.45),
        // The kernel's own numbers, in somebody's log.
        ("Killed process 123 (java) total-vm:8123456kB, anon-rss:2097152kB", "oom-killed", 0.35..0.45),
        ("Out of memory: Killed process 123 (java) total-vm:8123456kB", "node-oom", 0.9..1.0),
        ("Memory cgroup out of memory: Killed process 123 (java)", "oom-killed", 0.9..1.0),
        // What it says of itself counts for more.
        (
            "FATAL dial tcp 10.0.0.1:5432: connect: connection refused\nKilled",
            "app-dependency-unreachable",
            0.7..1.0,
        ),
        ("Killed by the user's request", "unknown", 0.0..0.1),
        ("killed 3 idle connections", "unknown", 0.0..0.1),
        ("INFO worker 7 was killed and is started again", "unknown", 0.0..0.1),
    ];
    for (log, want, sure) in table {
        let why = classify(&Text::log(log));
        assert_eq!(why.id(), want, "{log}: {why:?}");
        assert!(sure.contains(&why.confidence), "{log}: {why:?}");
    }
}

#[test]
fn a_process_that_was_killed_for_a_reason_that_the_log_tells_was_not_out_of_memory() {
    for log in [
        "HARAKIRI ON WORKER 1 (pid: 12, try: 1)\nDAMN ! worker 1 (pid: 12) died, killed by signal 9 :( trying respawn ...",
        "Hard time limit (300s) exceeded for tasks.report[9f]\nProcess 'ForkPoolWorker-1' pid:12 exited with 'signal 9 (SIGKILL)'",
        "exec: command timed out after 30s: signal: killed",
        "[pool www] child 12, script '/app/i.php' execution timed out (31.2 sec), terminating\n[pool www] child 12 exited on signal 9 (SIGKILL) after 40 seconds from start",
        "timeout: sending signal KILL to command 'sleep'\nKilled",
        "LOG:  received immediate shutdown request\nLOG:  server process (PID 123) was terminated by signal 9: Killed",
        "context canceled: signal: killed",
        "convert: context deadline exceeded\nconvert: signal: killed",
        "exec: signal: killed\nERROR build timeout, giving up",
        "Received SIGTERM, shutting down\nclosing 12 connections\nclosing the queue\nflushed\nwaiting for workers\nstill waiting\nKilled",
        "[1] [CRITICAL] WORKER TIMEOUT (pid:12)\n[1] [ERROR] Worker (pid:12) was sent SIGKILL! Perhaps out of memory?",
    ] {
        let why = classify(&Text::log(log));
        assert_ne!(why.id(), "oom-killed", "{log}: {why:?}");
        assert!(!why.is_known() || why.confidence < 0.75, "{log}: {why:?}");
    }
}

#[test]
fn a_folder_of_the_runtimes_that_is_read_only_is_the_nodes_and_a_containers_is_its_own() {
    let shim = "failed to create containerd task: failed to create shim task: ";
    for (reason, text, want) in [
        (
            "RunContainerError",
            format!(
                "{shim}mkdir /run/containerd/io.containerd.runtime.v2.task/k8s.io/9f: read-only file system"
            ),
            "node-kernel",
        ),
        (
            "CreateContainerError",
            "mkdir /var/lib/containerd/io.containerd.grpc.v1.cri/containers/9f: read-only file system"
                .to_owned(),
            "node-kernel",
        ),
        // Where a volume is to be mounted inside a file system that is not to be written to.
        (
            "RunContainerError",
            format!(
                "{shim}OCI runtime create failed: runc create failed: unable to start container process: error during \
                 container init: error mounting \"/var/lib/kubelet/pods/6c/volumes/kubernetes.io~configmap/cfg\" to rootfs \
                 at \"/data/cfg\": mkdir /run/containerd/io.containerd.runtime.v2.task/k8s.io/9f/rootfs/data/cfg: \
                 read-only file system"
            ),
            "app-file-permission",
        ),
    ] {
        let why = classify(&Text::waiting(reason, &text));
        assert_eq!(why.id(), want, "{text}: {why:?}");
    }
}

#[test]
fn who_waits_to_lead_and_cannot_reach_the_api_server_has_lost_no_lease() {
    let waits = "I0302 10:00:00.1 1 leaderelection.go:250] attempting to acquire leader lease kube-system/operator...\n\
                 E0302 10:00:03.1 1 leaderelection.go:332] error retrieving resource lock kube-system/operator: Get \
                 \"https://10.96.0.1:443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/operator\": dial tcp \
                 10.96.0.1:443: connect: no route to host";
    let lost = format!("{waits}\nE0302 10:00:09.1 1 main.go:9] leader election lost");
    for (log, want) in [(waits, "apiserver-unreachable"), (lost.as_str(), "controller-leader-lost")] {
        let why = classify(&Text::log(log));
        assert_eq!(why.id(), want, "{log}: {why:?}");
    }
}

#[test]
fn a_network_that_a_pod_names_and_that_does_not_exist_is_the_pods_fault() {
    let multus = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \"9f\": \
                  plugin type=\"multus-shim\" name=\"multus-cni-network\" failed (add): CNI request failed with status 400: \
                  'ContainerID:\"9f\" Netns:\"/var/run/netns/cni-1\" IfName:\"eth0\" ";
    let missing = "ERRORED: error configuring pod [shop/web-0] networking: Multus: [shop/web-0/6c]: error loading k8s \
                   delegates k8s args: TryLoadPodDelegates: error in getting k8s network for pod: \
                   GetNetworkDelegates: failed getting the delegate: getKubernetesDelegate: cannot find a \
                   network-attachment-definition (macvlan-a) in namespace (shop): \
                   network-attachment-definitions.k8s.cni.cncf.io \"macvlan-a\" not found'";
    for (rest, want) in [(missing, "config-ref-missing"), ("odd'", "cni-not-ready")] {
        let why = classify(&Text::event("FailedCreatePodSandBox", &format!("{multus}{rest}")));
        assert_eq!(why.id(), want, "{rest}: {why:?}");
        let named = (want == "config-ref-missing").then_some("macvlan-a");
        assert_eq!(
            why.facts.get(prodrome_causes::Fact::Object).filter(|_| named.is_some()),
            named,
            "{why:?}"
        );
    }
}

#[test]
fn who_may_not_write_where_a_volume_is_mounted_hangs_on_what_is_written_to() {
    for (text, want) in [
        (
            "MountVolume.SetUp failed for volume \"cfg\" : mkdir /var/lib/kubelet/pods/6c1f/volumes/kubernetes.io~configmap: read-only file system",
            "node-kernel",
        ),
        (
            "MountVolume.MountDevice failed for volume \"pvc-1\" : mkdir /var/lib/kubelet/plugins/kubernetes.io/csi/ebs.csi.aws.com/9f/globalmount: read-only file system",
            "node-kernel",
        ),
        (
            "MountVolume.SetUp failed for volume \"pvc-1\" : applyFSGroup failed for vol vol-1: lchown /var/lib/kubelet/pods/6c1f/volumes/kubernetes.io~csi/pvc-1/mount/lost+found: read-only file system",
            "fs-corrupt",
        ),
        (
            "MountVolume.SetUp failed for volume \"nfs-1\" : applyFSGroup failed for vol nfs-1: lchown /var/lib/kubelet/pods/6c1f/volumes/kubernetes.io~nfs/nfs-1/data: read-only file system",
            "nfs-access-denied",
        ),
        // Refused as root, which is no question of a file system of its own.
        (
            "MountVolume.SetUp failed for volume \"pvc-1\" : applyFSGroup failed for vol fs-1: lchown /var/lib/kubelet/pods/6c1f/volumes/kubernetes.io~csi/pvc-1/mount/data: operation not permitted",
            "nfs-access-denied",
        ),
        (
            "MountVolume.SetUp failed for volume \"data\" : mkdir /srv/data: read-only file system",
            "app-file-permission",
        ),
    ] {
        let why = classify(&Text::event("FailedMount", text));
        assert_eq!(why.id(), want, "{text}: {why:?}");
        assert!((0.55..0.9).contains(&why.confidence), "{text}: {why:?}");
    }
}

#[test]
fn a_line_that_counts_none_of_an_error_tells_of_none() {
    for (log, want) in [
        ("level=info msg=\"upstream stats\" connection refused count=0", "unknown"),
        ("level=info msg=\"connection refused\" count=0 since=5m", "unknown"),
        ("{\"level\":\"info\",\"msg\":\"connection refused\",\"count\":0}", "unknown"),
        ("INFO proxy: 0 connection refused, 0 reset", "unknown"),
        ("INFO no permission denied errors", "unknown"),
        ("INFO permission denied: 0", "unknown"),
        ("level=info msg=\"connection refused\" count=7", "app-dependency-unreachable"),
        (
            "level=error msg=\"dial tcp 10.0.0.1:5432: connection refused\" count=0",
            "app-dependency-unreachable",
        ),
        ("INFO dial tcp 10.0.0.1:5430: connection refused", "app-dependency-unreachable"),
    ] {
        let why = classify(&Text::log(log));
        assert_eq!(why.id(), want, "{log}: {why:?}");
    }
}
