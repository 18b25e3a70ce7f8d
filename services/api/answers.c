/* Puts the answers to single agents and trackers together. */
#include "services/api/answers.h"

#include "base/poison.h"

reply *answer_agents(view *v)
{
    reply *r = reply_new(v);
    reply_add(r, view_agents_text(v));
    return r;
}

/* Agents that expired leave nothing to read. */
static const block *agent_shown(const view *v, ov_str agent)
{
    const block *b = view_find(v, agent);
    return b && (b->listed || b->cards->count) ? b : NULL;
}

reply *answer_agent(view *v, ov_str agent)
{
    reply *r = reply_new(v);
    const block *b = agent_shown(v, agent);
    if (!b) {
        reply_free(r);
        return NULL;
    }
    REPLY_LITERAL(r, "[");
    for (size_t i = 0; i < b->cards->count; i++) {
        if (i) REPLY_LITERAL(r, ",");
        reply_add(r, b->cards->items[i]->report);
    }
    REPLY_LITERAL(r, "]");
    return r;
}

static const card *card_shown(const view *v, ov_str agent, ov_str tracker)
{
    const block *b = view_find(v, agent);
    return b ? block_cards_find(b->cards, tracker) : NULL;
}

reply *answer_tracker(view *v, ov_str agent, ov_str tracker)
{
    reply *r = reply_new(v);
    const card *c = card_shown(v, agent, tracker);
    if (!c) {
        reply_free(r);
        return NULL;
    }
    reply_add(r, c->report);
    return r;
}

void answer_add_gap(reply *r, const card *c)
{
    reply_add(r, c->head);
    for (size_t i = 0; i < c->version_count; i++) {
        reply_add(r, c->versions[i].item);
        reply_add(r, c->versions[i].tail->gap);
    }
    REPLY_LITERAL(r, CARD_GAP_END);
}

reply *answer_gap(view *v, ov_str agent, ov_str tracker)
{
    reply *r = reply_new(v);
    const card *c = card_shown(v, agent, tracker);
    if (!c) {
        reply_free(r);
        return NULL;
    }
    answer_add_gap(r, c);
    return r;
}
