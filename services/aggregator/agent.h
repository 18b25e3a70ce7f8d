/* Agent: one collector's cluster: tags, who speaks for it, what it says it tracks, whether it lives. */
#ifndef OPVIC_AGGREGATOR_AGENT_H
#define OPVIC_AGGREGATOR_AGENT_H

#include "base/map.h"
#include "proto/heartbeat.h"
#include "proto/state.h"
#include "services/aggregator/entry.h"

enum { AGENT_OLDER = 4, AGENT_FINGERPRINT = 64 /* bytes that are compared */ };

struct agent {
    doc d;
    char *id;
    char *token; /* the id as a subject's token: how it stands in the map */
    char *tags;  /* raw JSON object */
    uint64_t tags_seq;
    ov_map entries; /* tracker's token -> entry */
    wheel_node node;
    int64_t seen_ms;     /* any message, on the server's time line */
    int64_t heartbeat_s; /* the same by the server's clock, for people */
    int64_t first_seen_s;
    uint32_t in_shard; /* its place among its live shard's agents */
    uint32_t mark;

    char instance[INSTANCE_MAX + 1];         /* the newest; "": none */
    char fingerprint[AGENT_FINGERPRINT + 1]; /* of its cluster; "": not known */
    uint64_t instance_seq;                   /* of its first message */
    int64_t instance_ms;
    text_id older[AGENT_OLDER]; /* latest first */
    int64_t older_seen_ms;      /* when one of them spoke last; 0: never */
    uint32_t older_beats;       /* heartbeats of theirs since the newest began */
    bool conflict;
    bool other_cluster; /* one of them is of another cluster than the newest */

    bool beat; /* the newest instance sent a heartbeat: */
    int64_t beat_revision, beat_count;
    char beat_digest[REPORT_DIGEST_HEX];
    int64_t beat_ms;
    bool listed;          /* and its complete list of trackers */
    inventory_digest sum; /* of the counted entries */
    int64_t counted;
    int64_t revision_max; /* of the counted entries */

    ov_map wanted; /* tracker ids -> the agent */
    bool inventory_wanted;
    bool expired;
    uint64_t expired_at; /* decided when the report stream stood there: a later message undoes it */
    bool removed;
    agent_value stored_state;
};

agent *agent_new(ov_str token, ov_str id);
/* Its entries must be gone. */
void agent_free(agent *a, intern *texts);
agent_value agent_state(const agent *a);

/* Takes the entry into the digest of what the newest instance tracks, or out of it; call before and after a change. */
void agent_count(agent *a, entry *e, const intern *texts);
void agent_uncount(agent *a, entry *e);

/* Who speaks. */
typedef enum {
    SPEAKER_NONE, /* no instance: a Go agent, a posted report */
    SPEAKER_NEWEST,
    SPEAKER_BEFORE, /* an older instance, before the newest began */
    SPEAKER_OLDER   /* an older instance that still talks */
} speaker;
/* Judges by the sequence of the message; a new instance becomes the newest. */
speaker agent_hear(agent *a, ov_str instance, uint64_t seq, int64_t now_ms, intern *texts);

/* From the stored document: who spoke before. */
void agent_know_older(agent *a, ov_str instance, intern *texts);
/* The newest instance's heartbeat says of which cluster it is. */
void agent_set_cluster(agent *a, ov_str fingerprint);
/* A heartbeat of an older instance came: with the third the overlap is a conflict, whatever the interval; with the
 * first when it is of another cluster. */
void agent_older_beats(agent *a, ov_str fingerprint, int64_t now_ms);
/* Why it is in conflict; "" when it is not. */
ov_str agent_reason(const agent *a);

/* Whether what it sends keeps the entry alive, and since when. */
int64_t agent_entry_seen(const agent *a, const entry *e, const intern *texts);

/* Both return whether the set changed. */
bool agent_want(agent *a, ov_str tracker);
bool agent_unwant(agent *a, ov_str tracker);

#endif
