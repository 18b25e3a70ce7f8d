/* What a Kubernetes API server writes: the events of a watch, the head of a list, the Status of a refusal.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/ */
#ifndef OPVIC_COLLECTOR_KUBE_EVENT_H
#define OPVIC_COLLECTOR_KUBE_EVENT_H

#include "json/tree.h"

enum {
    KUBE_VERSION_MAX = 256,   /* bytes of a resourceVersion, with its end */
    KUBE_CONTINUE_MAX = 8192, /* of a continue token, with its end */
    KUBE_NAME_MAX = 253       /* bytes of an object's name or namespace */
};

typedef enum { KUBE_ADDED, KUBE_MODIFIED, KUBE_DELETED, KUBE_BOOKMARK, KUBE_ERROR } kube_event_type;

/* object is a view into the line: its JSON. */
typedef struct {
    kube_event_type type;
    ov_str object;
} kube_event;
/* OV_INVALID: "watch: type: \"X\": ...". */
OV_MUST_CHECK ov_status kube_event_parse(ov_str line, kube_event *ret, ov_err *err);

/* Views into the object's tree; ns is empty for what has none. */
typedef struct {
    ov_str ns, name, version;
    bool initial_events_end; /* a bookmark's annotation: all that there was has been given */
} kube_meta;
/* OV_INVALID: metadata or its resourceVersion is missing, a text is too long; a name may be missing (bookmarks). */
OV_MUST_CHECK ov_status kube_meta_read(const cJSON *object, kube_meta *ret, ov_err *err);

typedef struct {
    char version[KUBE_VERSION_MAX];
    char more[KUBE_CONTINUE_MAX]; /* continue; "": this was the last page */
} kube_list_head;
/* From a list with its items left out. */
OV_MUST_CHECK ov_status kube_list_head_parse(ov_str text, kube_list_head *ret, ov_err *err);

/* kind Status; what is no Status gives code 0 and a text of its first bytes. */
typedef struct {
    unsigned code;
    int64_t retry_after_s; /* -1: not said */
    char reason[64], message[256];
} kube_status;
void kube_status_parse(ov_str text, kube_status *ret);

#endif
