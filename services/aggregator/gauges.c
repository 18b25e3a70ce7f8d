/* One table of families, each with where its value comes from. */
#include "services/aggregator/gauges.h"

#include <stddef.h>

#include "base/status.h"
#include "base/poison.h"

/* All values in one place, so that the table can point at them. */
typedef struct {
    double leader, merged, same, changed, expired, jobs, agents, entries, rules, verdicts, sources, dirty,
        outbox_pending, events_refused, events, event_failures, state_writes, state_refusals, oversize, lag;
} values;

static const struct {
    const char *name, *help;
    ov_metric_kind kind;
    size_t offset;
} families[] = {
    {"opvic_aggregator_leader", "Whether this one leads: 1, or stands by: 0.", OV_METRIC_GAUGE,
     offsetof(values, leader)},
    {"opvic_aggregator_reports_merged_total", "Reports taken in.", OV_METRIC_COUNTER, offsetof(values, merged)},
    {"opvic_aggregator_reports_same_total", "Reports whose bytes had not changed.", OV_METRIC_COUNTER,
     offsetof(values, same)},
    {"opvic_aggregator_reports_changed_total", "Reports that were new or had changed.", OV_METRIC_COUNTER,
     offsetof(values, changed)},
    {"opvic_aggregator_expired_total", "Entries that expired.", OV_METRIC_COUNTER, offsetof(values, expired)},
    {"opvic_aggregator_jobs_planned_total", "Looks upstream that were planned.", OV_METRIC_COUNTER,
     offsetof(values, jobs)},
    {"opvic_aggregator_agents", "Agents known.", OV_METRIC_GAUGE, offsetof(values, agents)},
    {"opvic_aggregator_entries", "Trackers of agents that live.", OV_METRIC_GAUGE, offsetof(values, entries)},
    {"opvic_aggregator_rules", "Distinct rules of trackers.", OV_METRIC_GAUGE, offsetof(values, rules)},
    {"opvic_aggregator_verdicts", "Distinct running versions under their rules.", OV_METRIC_GAUGE,
     offsetof(values, verdicts)},
    {"opvic_aggregator_sources", "Sources that trackers ask for.", OV_METRIC_GAUGE, offsetof(values, sources)},
    {"opvic_aggregator_documents_pending", "Documents that wait to be compared and written.", OV_METRIC_GAUGE,
     offsetof(values, dirty)},
    {"opvic_aggregator_outbox_pending", "Events of written documents that wait to be published.", OV_METRIC_GAUGE,
     offsetof(values, outbox_pending)},
    {"opvic_aggregator_event_subjects_refused", "Subjects of events that the bus refuses: their documents wait.",
     OV_METRIC_GAUGE, offsetof(values, events_refused)},
    {"opvic_aggregator_events_published_total", "Events published.", OV_METRIC_COUNTER, offsetof(values, events)},
    {"opvic_aggregator_event_failures_total", "Times that events could not be published.", OV_METRIC_COUNTER,
     offsetof(values, event_failures)},
    {"opvic_aggregator_state_writes_total", "Messages written into the state.", OV_METRIC_COUNTER,
     offsetof(values, state_writes)},
    {"opvic_aggregator_state_refusals_total", "Times that the state had no room for a document, or refused it.",
     OV_METRIC_COUNTER, offsetof(values, state_refusals)},
    {"opvic_aggregator_documents_oversize_total", "Documents that are too large to be written.", OV_METRIC_COUNTER,
     offsetof(values, oversize)},
    {"opvic_aggregator_lag_messages", "Messages that arrived and wait to be taken in.", OV_METRIC_GAUGE,
     offsetof(values, lag)},
};
_Static_assert(OV_COUNT(families) <= GAUGES_MAX, "room for each");

void gauges_init(gauges *g, ov_metrics *m)
{
    static const char *const labels[] = {"stream", NULL};
    for (size_t i = 0; i < OV_COUNT(families); i++)
        g->metrics[i] = ov_metrics_add(m, families[i].kind, families[i].name, families[i].help, NULL, 0);
    g->undecodable = ov_metrics_add(m, OV_METRIC_COUNTER, "opvic_aggregator_undecodable_total",
                                    "Messages that could not be read.", labels, INPUT_STREAMS);
}

static values collect_values(const aggregate *core, const gauges_shell *s)
{
    const aggregate_counters *c = aggregate_figures(core);
    aggregate_sizes z;
    aggregate_measure(core, &z);
    return (values){.leader = s->leads,
                    .merged = (double)c->merged,
                    .same = (double)c->same,
                    .changed = (double)c->changed,
                    .expired = (double)c->expired,
                    .jobs = (double)c->jobs,
                    .agents = (double)z.agents,
                    .entries = (double)z.entries,
                    .rules = (double)z.rules,
                    .verdicts = (double)z.verdicts,
                    .sources = (double)z.sources,
                    .dirty = (double)z.dirty,
                    .outbox_pending = (double)s->outbox_pending,
                    .events_refused = (double)s->events_refused,
                    .events = (double)s->events_published,
                    .event_failures = (double)s->event_failures,
                    .state_writes = (double)s->state_writes,
                    .state_refusals = (double)s->state_refusals,
                    .oversize = (double)c->oversize,
                    .lag = (double)s->inbox_length};
}

void gauges_update(gauges *g, const aggregate *core, const gauges_shell *shell)
{
    values v = collect_values(core, shell);
    const aggregate_counters *c = aggregate_figures(core);
    for (size_t i = 0; i < OV_COUNT(families); i++) {
        double value = *(const double *)(const void *)((const char *)&v + families[i].offset);
        if (families[i].kind == OV_METRIC_GAUGE)
            ov_metric_set(g->metrics[i], NULL, value);
        else if (value > g->last[i])
            ov_metric_add(g->metrics[i], NULL, value - g->last[i]);
        g->last[i] = value;
    }
    for (size_t s = 0; s < INPUT_STREAMS; s++) {
        const char *name = input_stream_name((input_stream)s);
        ov_metric_add(g->undecodable, &name, (double)(c->undecodable[s] - g->last_undecodable[s]));
        g->last_undecodable[s] = c->undecodable[s];
    }
}
