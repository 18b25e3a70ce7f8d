/* What the bus's tests share: a bus on a test server, its changes counted, what a reader gives written down. */
#ifndef OV_TESTS_BUS_FIXTURE_H
#define OV_TESTS_BUS_FIXTURE_H

#include <pthread.h>

#include "bus/bus.h"
#include "bus/streams.h"
#include "support/check.h"
#include "support/nats.h"

enum { FIXTURE_WAIT_MS = 60000 };

/* Waits until cond(arg), at most FIXTURE_WAIT_MS; false then. */
bool fixture_wait(bool (*cond)(void *arg), void *arg);

/* ---- a bus ---- */

typedef struct {
    ov_bus *bus;
    pthread_mutex_t mu;
    int ups, downs, refusals;
    char refused[256];
} fixture_bus;

/* user and password may be NULL. Waits until it is up. */
void fixture_open(fixture_bus *f, const test_nats *server, const char *user, const ov_secret *password);
void fixture_close(fixture_bus *f);
int fixture_ups(fixture_bus *f);
bool fixture_wait_ups(fixture_bus *f, int ups);
bool fixture_wait_down(fixture_bus *f);
bool fixture_wait_refusal(fixture_bus *f, char out[256]);

/* A stream of one subject tree with one message a subject. */
void fixture_stream(ov_bus *bus, const char *name, const char *subject);
/* Stores and waits for it, again while the bus says to; the sequence. */
uint64_t fixture_put(ov_bus *bus, const char *subject, const char *text);

/* ---- what a reader gave ---- */

enum { RECORD_SUBJECTS = 2048 };
typedef struct {
    pthread_mutex_t mu;
    int snapshots, readies, messages;
    bool ready;
    bool out_of_order; /* a message before a snapshot, a ready without one, a sequence that went back */
    ov_wall created;
    uint64_t last_seq, seq;
    struct {
        char subject[64], text[64];
        int generation; /* the snapshot that it was last given in */
    } items[RECORD_SUBJECTS];
    int item_count;
} fixture_record;

void fixture_record_init(fixture_record *r);
void fixture_on_read(void *record, const ov_bus_read *event);
bool fixture_wait_ready(fixture_record *r, int snapshots);
/* Waits until the text stands under the subject in the present snapshot; NULL: until it was swept. */
bool fixture_wait_text(fixture_record *r, const char *subject, const char *text);
int fixture_live(fixture_record *r); /* subjects that were not swept */

#endif
