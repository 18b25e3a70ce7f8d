/* One dump on disk: what it was when it was read last, what it holds, what is wrong with it. */
#ifndef OPVIC_COLLECTOR_CLUSTER_FILE_H
#define OPVIC_COLLECTOR_CLUSTER_FILE_H

#include <sys/stat.h>

#include "services/collector/cluster/dump.h"

/* Equal stamps: the same bytes. */
typedef struct {
    uint64_t device, inode;
    int64_t size, changed_s, changed_ns;
} dump_stamp;

typedef struct {
    char *name; /* in the folder */
    unsigned section;
    dump_stamp stamp; /* of what was read last; zero: never, or it could not be opened */
    bool present;     /* the last look at the folder saw it */
    bool due;         /* to be read at this step */
    bool racing;   /* it was written so shortly before it was read that one more write might have left the same stamp */
    bool was_read; /* at least once, whole */
    bool loaded;   /* content holds it */
    dump content;
    ov_err problem; /* why the last reading failed; empty: it did not */
} dump_file;

/* Whether a folder's entry of this name is a dump at all. */
bool dump_file_is_wanted(const char *name);
dump_file *dump_file_new(const char *name, unsigned section);
void dump_file_free(dump_file *f);
/* Its due is set when st is not what was read last. */
void dump_file_note(dump_file *f, const struct stat *st);
/* Reads and checks it into content; *ret_news tells whether a failure is another one than last time, to be logged.
 * OV_FAILED with err: "pods.yaml: line 12: ...". */
OV_MUST_CHECK ov_status dump_file_load(dump_file *f, int folder, bool *ret_news, ov_err *err);
void dump_file_unload(dump_file *f);

#endif
