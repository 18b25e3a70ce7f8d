/* Entry: one tracker of one agent: its report, which rule and verdicts apply, what its stored document says. */
#ifndef OPVIC_AGGREGATOR_ENTRY_H
#define OPVIC_AGGREGATOR_ENTRY_H

#include "services/aggregator/lifecycle.h"
#include "services/aggregator/verdict.h"

/* Bytes that the entry and its stored copy share. */
typedef struct {
    uint32_t refs, len;
    uint32_t uniq_at, uniq_len; /* where its uniqVersions stand; uniq_len 0: not known */
    char bytes[];
} blob;
/* uniq: a view into bytes, or empty. */
blob *blob_new(ov_str bytes, ov_str uniq);
blob *blob_share(blob *b); /* NULL passes */
void blob_drop(blob *b);
ov_str blob_str(const blob *b); /* empty for NULL */

/* One running version. */
typedef struct {
    verdict *verdict; /* NULL: state and reason say why */
    uint32_t place;   /* of its reference in the verdict */
    text_id reason;
    uint8_t state; /* state_value */
    bool over;     /* its verdict's lists are too much for this entry */
} entry_slot;

/* Bytes that the lists of one entry's running versions may take together: a fleet's largest takes a hundredth. */
enum { ENTRY_LISTS_MAX = 32 * 1024 * 1024 };

/* A slab record. */
struct entry {
    doc d;
    agent *agent;
    char *id;
    blob *report; /* the report's version member, verbatim; NULL: only the stored document is known */
    entry_slot *slots;
    rule *rule;
    entry_ends *ends; /* NULL: the tracker names no product */
    blob *stored_report;
    wheel_node node;
    unsigned char digest[16]; /* of the report's body */
    uint64_t seq;             /* of the report */
    int64_t seen_ms;          /* on the server's time line */
    int64_t revision;
    int64_t gone_at; /* the sequence that is gone; only while gone */
    uint32_t slot_count;
    uint32_t bare;    /* its place among its rule's entries without verdicts */
    uint32_t mark;    /* the snapshot in which the report was last given */
    text_id instance; /* of the collector; 0: none */
    text_id fault;    /* why nothing can be concluded */
    text_id remark;   /* why a collector could not report as asked */
    text_id stored_latest;
    text_id stored_living; /* which running versions were not at their end (ending.c) */
    uint8_t stored_state;
    bool in_stream; /* its report is in the report stream */
    bool gone;
    bool counted; /* stands in its agent's digest */
    bool removed; /* its document shall go too */
    bool stored_gone;
    bool has_remote;
    bool limited;     /* some slot is over */
    uint32_t weighed; /* generation of the rule for which that was decided */
};
_Static_assert(sizeof(struct entry) <= 256, "a million of them");

/* Entries come from slabs and return to them. */
typedef struct entry_slab entry_slab;
typedef struct {
    entry_slab *slabs;
    entry *unused;
    size_t live;
} entry_pool;
entry *entry_new(entry_pool *p, agent *a, ov_str id);
void entry_free(entry_pool *p, entry *e, intern *texts);
void entry_pool_clear(entry_pool *p);

/* What it shows now: the worst of its versions. */
typedef struct {
    state_value state;
    ov_str reason, latest;
} entry_view;
void entry_look(const entry *e, const intern *texts, entry_view *ret);
void entry_slot_look(const entry *e, uint32_t slot, const intern *texts, entry_view *ret);

#endif
