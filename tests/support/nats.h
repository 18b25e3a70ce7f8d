/* A real nats-server for tests: JetStream on a free port, its store in a folder of its own, stopped with the test. */
#ifndef OV_TESTS_NATS_H
#define OV_TESTS_NATS_H

typedef struct test_nats test_nats;

/* Starts a server and waits until it answers. config: more lines of its configuration (users, limits), or NULL. Without
 * a nats-server ($NATS_SERVER, $PATH, /usr/sbin) the test program ends as skipped (77), or as failed with
 * OPVIC_REQUIRE_TOOLS=1. */
test_nats *test_nats_new(const char *config);
/* Stops it and removes its folder. */
void test_nats_free(test_nats *n);

const char *test_nats_url(const test_nats *n);
unsigned test_nats_port(const test_nats *n);

void test_nats_stop(test_nats *n);   /* SIGTERM, waited for */
void test_nats_kill(test_nats *n);   /* SIGKILL, waited for */
void test_nats_freeze(test_nats *n); /* SIGSTOP */
void test_nats_thaw(test_nats *n);
/* Starts a stopped one again on the same port and store. */
void test_nats_start(test_nats *n);
/* Empties the store of a stopped one. */
void test_nats_wipe(test_nats *n);

#endif
