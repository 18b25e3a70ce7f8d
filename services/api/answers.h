/* Answers: what each read route says, made of a view's pieces; no HTTP, no bus. */
#ifndef OPVIC_API_ANSWERS_H
#define OPVIC_API_ANSWERS_H

#include "services/api/reply.h"

/* Each takes over the view's reference; NULL: there is no such thing (the reference is given back). */
reply *answer_agents(view *v);
reply *answer_agent(view *v, ov_str agent);
reply *answer_tracker(view *v, ov_str agent, ov_str tracker);
reply *answer_gap(view *v, ov_str agent, ov_str tracker);
/* By trackers' ids: of each the gaps of all agents. */
reply *answer_overview(view *v);

/* Adds one card's gap. */
void answer_add_gap(reply *r, const card *c);

#endif
