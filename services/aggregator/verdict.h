/* Verdict: what a rule says of one running version; the heavy part of an answer, shared by all who run it. */
#ifndef OPVIC_AGGREGATOR_VERDICT_H
#define OPVIC_AGGREGATOR_VERDICT_H

#include "proto/state.h"
#include "services/aggregator/rule.h"

typedef struct {
    entry *who;
    uint32_t slot; /* which of its versions */
} verdict_ref;

struct verdict {
    doc d;
    rule *rule; /* NULL: known from its document alone, nobody runs it */
    char id[33];
    ov_version *running;
    state_value state;
    text_id reason;
    char *gap; /* raw JSON */
    size_t gap_len;
    int64_t behind_since_s; /* when the oldest version above it appeared; 0: unknown, or none */
    verdict_ref *refs;
    uint32_t ref_count;
    uint32_t wanted;        /* references that show it: without any it is not written */
    uint32_t weighed, made; /* generation of the rule for which it was */
    size_t weight;          /* bytes of its lists */
    size_t ref_cap;
};

/* 32 digits. */
void verdict_id(const rule *r, ov_str canonical, char out[33]);
/* One that belongs to nobody yet. */
verdict *verdict_new(ov_str id);
/* Gives an unbound verdict its rule and version, which moves to it. */
void verdict_bind(verdict *v, rule *r, ov_version *running);
/* The reverse: its rule forgets it. */
void verdict_unbind(verdict *v);
void verdict_free(verdict *v, intern *texts);

/* Adds a reference; the place goes into the entry's version. */
uint32_t verdict_add_ref(verdict *v, entry *who, uint32_t slot);
/* Takes one out; the last one moves into its place: its entry is told through moved. */
void verdict_drop_ref(verdict *v, uint32_t place);

/* How much its lists take, without making them. */
void verdict_weigh(verdict *v);
/* What it takes to make it, in the steps of rule.h. */
int64_t verdict_steps(const verdict *v);
/* Nobody shows it. */
void verdict_forget(verdict *v);

/* Computes state and gap from the rule's candidates. */
typedef struct {
    bool document; /* what its document says changed */
    bool entries;  /* what entries show of it changed */
} verdict_change;
verdict_change verdict_compute(verdict *v, intern *texts);

#endif
