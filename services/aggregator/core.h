/* Core: the aggregate's insides, for its own files alone: each file one part of what apply does. */
#ifndef OPVIC_AGGREGATOR_CORE_H
#define OPVIC_AGGREGATOR_CORE_H

#include "base/map.h"
#include "proto/members.h"
#include "proto/parts.h"
#include "proto/subjects.h"
#include "services/aggregator/agent.h"
#include "services/aggregator/aggregate.h"

/* One of the 64 documents that say when agents were heard last. */
typedef struct {
    doc d;
    agent **agents;
    size_t count, cap;
    bool dirty;
    int64_t written_ms; /* monotonic */
} live_shard;

typedef struct {
    bool begun, ready;
    bool lost;             /* another stream than before, or it went back: nothing is swept */
    int64_t created_ms;    /* its identity */
    uint64_t last_seq;     /* taken in */
    uint64_t replay_until; /* what a new snapshot gives up to here was taken in before */
    uint32_t mark;         /* the snapshot at hand */
} input_state;

struct aggregate {
    aggregate_options options;
    ledger l;
    ov_map agents, upstreams; /* by token */
    ov_map rules, verdicts;   /* by id */
    entry_pool pool;
    wheel *entry_wheel, *agent_wheel, *plan_wheel;
    wheel *day_wheel; /* by the calendar: the ends of cycles */
    live_shard shards[STATE_LIVE_SHARDS];
    doc streams_doc; /* the identities of the input streams as last seen by a leader */
    parts_joiner *list_joiner, *state_joiner;
    input_state in[INPUT_STREAMS];
    int64_t stored_created[INPUT_STREAMS]; /* from the streams document; 0: unknown */
    uint64_t stored_inputs[INPUT_STREAMS]; /* the highest sequences that any stored document was made from */
    int64_t newest_report_ms, newest_list_ms, newest_ms;
    bool clock_runs;
    ov_mono now;
    bool bus_up, leading;
    int64_t epoch;
    upstream *plan_first;
    rule *first_due, *last_due;
    lifecycle *first_ending; /* of those whose spans are being judged anew */
    uint32_t generation;     /* of the newest verdicts; 0: none */

    effect *effects;
    size_t effect_first, effect_count, effect_cap;
    effect *dead; /* letters that wait for a leader */
    size_t dead_count, dead_cap, dead_bytes;

    aggregate_outbox *outboxes;
    size_t outbox_count, outbox_cap;
    uint64_t published_seq;
    size_t held; /* documents that wait to be let go */

    aggregate_counters counters;
    size_t gone;
    ov_buf body, events; /* room for rendering, used again and again */
    ov_map recalled;     /* agent ids -> seconds of the last heartbeat, from stored documents, until settled */
};

/* Whether the message was taken in before and comes again with a new snapshot. */
bool aggregate_is_replay(const aggregate *a, const input *in);
/* When something came, on the server's time line; 0 for what comes again: it is no sign of life. */
int64_t aggregate_arrival_ms(const aggregate *a, const input *in);
bool aggregate_all_ready(const aggregate *a);

/* roster.c: who is there */
agent *roster_agent(aggregate *a, ov_str token, ov_str id);
void roster_heard(aggregate *a, agent *ag, const input *in);
void roster_tags(aggregate *a, agent *ag, ov_str tags, uint64_t seq);
void roster_drop_agent(aggregate *a, agent *ag);
entry *roster_entry(aggregate *a, agent *ag, ov_str token, ov_str id);
void roster_drop_entry(aggregate *a, entry *e);
void roster_mark_live(aggregate *a, const agent *ag);

/* binding.c: which rule and verdicts an entry has */
void binding_make(aggregate *a, entry *e, const report *r);
/* From the raw version member alone. */
OV_MUST_CHECK ov_status binding_make_from_stored(aggregate *a, entry *e, ov_err *err);
void binding_clear(aggregate *a, entry *e);
/* Chooses again (choose) and tells verdicts and entries of every rule over the list. */
void binding_refresh_list(aggregate *a, upstream_list *l, bool choose);
void binding_release_verdict(aggregate *a, verdict *v);
/* Decodes a raw version member; *buf holds what the report looks into. */
OV_MUST_CHECK ov_status binding_decode(ov_str version, ov_buf *buf, report *ret, ov_err *err);

/* refresh.c: what a rule says */
/* Its candidates are chosen again, soon. */
void refresh_choose(aggregate *a, rule *r);
/* How it stands may have changed. */
void refresh_stand(aggregate *a, rule *r);
/* It will be freed. */
void refresh_forget(aggregate *a, rule *r);
/* Makes what a newly bound entry shows of a rule that is not being worked on. */
void refresh_entry(aggregate *a, entry *e);

/* ending.c: which running versions are at their end */
/* What an entry with that report needs, before it is bound; NULL: nothing. */
entry_ends *ending_make(aggregate *a, entry *e, const report *r);
void ending_drop(aggregate *a, entry_ends *ends); /* NULL passes */
/* The list changed, or how its looks went: what is said is made anew, soon; until then no entry that shows it is
 * compared. */
void ending_refresh(aggregate *a, lifecycle *l, bool changed);
void ending_work(aggregate *a, int64_t *steps);
/* Says of the days that came that they did. */
void ending_run(aggregate *a);
/* Raw JSON of a version's end; empty: nobody asked. */
ov_str ending_said(const aggregate *a, const entry *e, uint32_t slot);
/* The running versions that are known and not at their end, as a held text; 0: none. recall says it of a stored
 * document. */
text_id ending_living(aggregate *a, const entry *e);
text_id ending_recall(aggregate *a, const entry_doc *d);
/* The same as a set; empty for another product. */
void ending_living_set(const aggregate *a, text_id living, ov_str product, ov_map *ret);

/* limit.c: what is too much for one entry; its verdicts must be weighed */
bool limit_may_matter(const entry *e);
void limit_entry(aggregate *a, entry *e);

/* merge.c: reports */
void merge_report(aggregate *a, const input *in, const subject_parsed *s);
/* The entry is gone, decided about the report at that sequence. */
void merge_end(aggregate *a, entry *e, int64_t gone_at);

/* judge.c: heartbeats and inventories */
void judge_heartbeat(aggregate *a, const input *in, const subject_parsed *s);
void judge_inventory(aggregate *a, const input *in, const subject_parsed *s);
/* Asks an agent for everything: the stream that held it was lost. */
void judge_ask_all(aggregate *a, agent *ag);

/* lists.c: lists and looks */
void lists_message(aggregate *a, const input *in);
void lists_refresh_stale(aggregate *a);

/* plan.c: jobs */
upstream *plan_upstream(aggregate *a, ov_str token);
/* When it is due may have changed. */
void plan_consider(aggregate *a, upstream *u);
/* A chart more is wanted of it: the others that come with it go into the same job. */
void plan_gather(aggregate *a, upstream *u);
void plan_run(aggregate *a);
void plan_consider_all(aggregate *a);

/* baseline.c: stored documents */
void baseline_message(aggregate *a, const input *in);
void baseline_outboxes_clear(aggregate *a);

/* snapshot.c: begin, ready, settle */
/* Calls each for all documents. */
void snapshot_each_doc(aggregate *a, void (*each)(aggregate *a, doc *d));
void snapshot_begin(aggregate *a, const input *in);
void snapshot_ready(aggregate *a, const input *in);

/* collect.c */
void collect_compare(aggregate *a);
/* Queues what was held back, if nothing holds it any more. */
void collect_release(aggregate *a, doc *d);
/* The stored copy's events are told: it may be written again. */
void collect_told(aggregate *a, doc *d);
/* Nothing holds documents back on account of their events any more. */
void collect_let_go(aggregate *a);

/* expiry.c */
void expiry_run(aggregate *a);

/* effects.c */
effect *effects_add(aggregate *a, effect_kind kind);
void effects_undecodable(aggregate *a, const input *in, const ov_err *err);
void effects_flush_dead(aggregate *a);

/* documents.c: bodies without their outboxes */
void document_render(const aggregate *a, const doc *d, ov_buf *out);
void document_key(const aggregate *a, const doc *d, char out[SUBJECT_MAX]);
/* The rules of a source, for its document and its events. */
void document_rules(const aggregate *a, const upstream *u, ov_buf *out);

/* What stands between a document and the outbox at its end. */
#define OUTBOX_BEGIN ",\"" MEMBER_OUTBOX "\":"

/* The members of the streams document. */
#define STREAMS_REPORTS "reports"
#define STREAMS_LISTS "lists"

/* difference.c: events between the stored copy and what is rendered now; appends a raw array to out, nothing when none
 */
void difference_render(const aggregate *a, const doc *d, ov_str body, ov_buf *out);

#endif
