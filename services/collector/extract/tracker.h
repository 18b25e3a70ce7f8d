/* A VersionTracker's spec: parsed, checked, completed by its defaults and compiled. */
#ifndef OPVIC_COLLECTOR_TRACKER_H
#define OPVIC_COLLECTOR_TRACKER_H

#include <stdbool.h>

#include "base/status.h"
#include "json/tree.h"
#include "proto/report.h"
#include "regex/extraction.h"
#include "jsonpath.h"
#include "kind.h"
#include "selector.h"

enum {
    TRACKER_NAME_MAX = 512,        /* bytes of spec.name */
    TRACKER_NAMESPACES_MAX = 1000, /* of one tracker */
    TRACKER_NAMESPACE_MAX = 253,
    TRACKER_CONTAINER_MAX = 63, /* bytes of a container's name: a DNS label */
    TRACKER_RESULT_MAX = 1024,  /* bytes of a template */
    TRACKER_REMOTE_MAX = 2048   /* bytes of each text of remoteVersion but the pattern */
};

typedef enum { LOCAL_IMAGE_TAG, LOCAL_FIELD_SELECTION } local_strategy;
/* "ImageTag", "FieldSelection"; static. */
const char *local_strategy_name(local_strategy strategy);

/* A kind of objects, with what is known of it before anybody asked a cluster. */
typedef struct {
    ov_str all;                  /* what events call them, as kind_all says it */
    ov_str api_version, kind;    /* as the tracker has them, or as the table of the built-in kinds has them */
    const builtin_kind *builtin; /* NULL: another kind; whether it has namespaces is not known */
} tracker_kind;
/* What reports and people call the objects: "Pods", "HelmRelease". */
static inline ov_str tracker_kind_shown(const tracker_kind *k)
{
    return k->builtin ? k->all : k->kind;
}

typedef struct tracker_text tracker_text;

/* Immutable after parsing. All texts live as long as the spec and hold the resolved values: what a user left out stands
 * here as its default, as the status shows it. */
typedef struct {
    ov_str name;
    tracker_kind kind;
    ov_str *namespaces;     /* sorted, each once */
    size_t namespace_count; /* 0: all */
    selector *selector;
    local_strategy strategy;
    ov_str field_selector; /* empty where the image is looked for: of a container, or in a kind that is not built in */
    ov_str container;      /* whose image ImageTag reads; empty: what field_selector says, or the first one's */
    ov_str pattern, result;
    bool tag_pattern; /* the pattern is ImageTag's own: it means the tag and nothing else of the reference */
    bool tag_alone;   /* and the result adds nothing to it: the tag is the version, nothing is compiled */
    jsonpath *path;   /* of field_selector; NULL where that is empty */
    ov_extraction extraction;
    bool has_remote; /* a provider or a repo is named */
    report_remote remote;
    ov_err remote_problem; /* why remoteVersion cannot work; running versions are reported all the same. Empty: none */
    ov_err remote_note;    /* what a user may have meant otherwise. Empty: none */
    tracker_text *texts;
} tracker_spec;

/* object is the whole VersionTracker. The caller frees; nothing of object is kept. Rules: CONTRACT.md. OV_INVALID with
 * the member's path and value: "spec.resources.strategy: \"Pod\": expected one of Pods, Nodes, ...". */
OV_MUST_CHECK ov_status tracker_parse(const cJSON *object, tracker_spec **ret, ov_err *err);
void tracker_free(tracker_spec *t);
void tracker_free_p(tracker_spec **t);

/* The object (of the tracker's kind) is in its namespaces and has its labels. */
bool tracker_matches(const tracker_spec *t, const cJSON *object);

#endif
