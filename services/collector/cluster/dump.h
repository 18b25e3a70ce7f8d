/* The text of one dump, as kubectl get -o yaml or -o json writes it, as the Kubernetes objects that stand in it. */
#ifndef OPVIC_COLLECTOR_CLUSTER_DUMP_H
#define OPVIC_COLLECTOR_CLUSTER_DUMP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "base/str.h"
#include "services/collector/cluster/cluster.h"

enum {
    DUMP_JSON_MAX = 512 * 1024 * 1024, /* of all documents, which YAML's aliases may make larger than the text */
    DUMP_DOCUMENTS_MAX = 100000
};

typedef enum { DUMP_YAML, DUMP_JSON } dump_form;

/* A checked dump: JSON documents, each a List (or PodList and so on) with items or a single object. Zero is empty. */
typedef struct {
    char *json;
    size_t len;
} dump_document;
typedef struct {
    dump_document *documents;
    size_t count, cap;
    size_t bytes;             /* of all documents */
    size_t trackers, objects; /* that dump_each gives */
} dump;

/* Everything is checked before anything can be given: a List needs its
 * kind, which kubectl writes behind the items, so that a dump cut off between two items is refused. OV_INVALID:
 * "line 12: ..." or "document 2: items[3]: metadata.name: missing". The dump is the caller's to clear when it is OV_OK.
 */
OV_MUST_CHECK ov_status dump_parse(dump_form form, ov_str text, dump *ret, ov_err *err);
void dump_clear(dump *d);

/* Views, valid during the call. */
typedef struct {
    ov_str kind; /* as cluster_kind says it */
    ov_str ns, name;
    ov_str json; /* the whole object */
} dump_object;

typedef enum { DUMP_TRACKERS, DUMP_OBJECTS } dump_part;
/* Gives the VersionTrackers, or all other objects. What is of none of the built-in kinds and has no name (a program's
 * settings that look like an object) is passed over. */
void dump_each(const dump *d, dump_part part, void (*each)(void *arg, const dump_object *object), void *arg);

#endif
