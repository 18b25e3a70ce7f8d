/* Logins by machine in a netrc file.
 * https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html,
 * https://everything.curl.dev/usingcurl/netrc
 */
#ifndef OPVIC_FETCHER_CREDENTIALS_NETRC_H
#define OPVIC_FETCHER_CREDENTIALS_NETRC_H

#include "services/fetcher/credentials_entry.h"

/* Adds the machines that have a login or a password: https on any port for a bare host, as curl does; a name may also
 * be host:port, or http://host with or without a port where the operator wants http. The first of a name counts.
 * "default" is read and left out (out->default_ignored): agents name the hosts, and one that somebody made up must not
 * be sent a password. Tokens may be quoted ("a \"b\" c"), "#" begins a comment, macros are passed over. OV_INVALID
 * names line, machine and what was expected, and shows no other token; what it added before stays in out. */
OV_MUST_CHECK ov_status netrc_parse(ov_str text, credential_list *out, ov_err *err);

#endif
