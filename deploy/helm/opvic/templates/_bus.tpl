{{/* Where the bus is, and who logs in to it as whom. */}}

{{/* "true" when this release installs NATS */}}
{{- define "opvic.hasNats" -}}
{{- if and .Values.controlplane.enabled (not .Values.nats.url) -}}true{{- end -}}
{{- end -}}

{{/* "true" when the agent ships over NATS */}}
{{- define "opvic.agentOnBus" -}}
{{- if and .Values.agent.enabled (not .Values.agent.controlPlaneURL) (or .Values.controlplane.enabled .Values.nats.url) -}}true{{- end -}}
{{- end -}}

{{- define "opvic.busURL" -}}
{{- .Values.nats.url | default (printf "%s://%s-nats:4222" (ternary "nats" "tls" (empty .Values.nats.tls.secretName)) (include "opvic.fullname" .)) -}}
{{- end -}}

{{/* The Secret with the passwords; empty: nobody logs in by password. */}}
{{- define "opvic.busSecret" -}}
{{- if .Values.nats.auth.existingSecret -}}
{{- .Values.nats.auth.existingSecret -}}
{{- else if include "opvic.hasNats" . -}}
{{- include "opvic.fullname" . }}-bus
{{- end -}}
{{- end -}}

{{/* The agents that log in to this release's NATS: its own, and those of other clusters. As JSON. */}}
{{- define "opvic.busAgents" -}}
{{- toJson (concat (ternary (list .Values.agent.identifier) list (eq (include "opvic.agentOnBus" .) "true")) .Values.nats.auth.remoteAgents) -}}
{{- end -}}

{{/* The users, after which the keys of that Secret are named, separated by commas. */}}
{{- define "opvic.busUsers" -}}
{{- $users := list "aggregator" "fetcher" "api" "subscriber" "route" -}}
{{- range include "opvic.busAgents" . | fromJsonArray -}}
{{- $users = append $users (printf "agent-%s" .) -}}
{{- end -}}
{{- join "," $users -}}
{{- end -}}

{{/* (root, role, agent): the role's block of files/bus-permissions.conf */}}
{{- define "opvic.busPermissions" -}}
{{- $block := regexFind (printf "(?ms)^%s: \\{$.*?^\\}" .role) (.root.Files.Get "files/bus-permissions.conf") -}}
{{- if not $block -}}
{{- fail (printf "files/bus-permissions.conf: no block %q" .role) -}}
{{- end -}}
{{- $block | trimPrefix (printf "%s: " .role) | replace "%AGENT%" (.agent | default "") -}}
{{- end -}}

{{/* (root, user, inbox): a service's way to the bus */}}
{{- define "opvic.busEnv" -}}
- name: NATS_URL
  value: {{ include "opvic.busURL" .root | quote }}
{{- $auth := .root.Values.nats.auth }}
{{- if $auth.credentialsSecret }}
- name: NATS_CREDENTIALS_FILE
  value: /etc/opvic/bus-credentials/{{ .user }}.creds
{{- else if include "opvic.busSecret" .root }}
- name: NATS_USER
  value: {{ .user }}
- name: NATS_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "opvic.busSecret" .root }}
      key: {{ .user }}
- name: NATS_INBOX_PREFIX
  value: _INBOX.{{ .inbox | default .user }}
{{- end }}
{{- with .root.Values.nats.tls }}
{{- if .secretName }}
- name: NATS_TLS_CA_FILE
  value: /etc/opvic/bus-ca/ca.crt
{{- end }}
{{- if .clientSecretName }}
- name: NATS_TLS_CERT_FILE
  value: /etc/opvic/bus-client/tls.crt
- name: NATS_TLS_KEY_FILE
  value: /etc/opvic/bus-client/tls.key
{{- end }}
{{- end }}
{{- end -}}

{{/* (root, user): the files of that way, as volumes and where they are mounted */}}
{{- define "opvic.busVolumes" -}}
{{- with .root.Values.nats.auth.credentialsSecret }}
- name: bus-credentials
  secret:
    secretName: {{ . }}
    items:
      - key: {{ $.user }}.creds
        path: {{ $.user }}.creds
{{- end }}
{{- with .root.Values.nats.tls.secretName }}
- name: bus-ca
  secret:
    secretName: {{ . }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- with .root.Values.nats.tls.clientSecretName }}
- name: bus-client
  secret:
    secretName: {{ . }}
    items:
      - key: tls.crt
        path: tls.crt
      - key: tls.key
        path: tls.key
{{- end }}
{{- end -}}

{{- define "opvic.busMounts" -}}
{{- if .Values.nats.auth.credentialsSecret }}
- name: bus-credentials
  mountPath: /etc/opvic/bus-credentials
  readOnly: true
{{- end }}
{{- if .Values.nats.tls.secretName }}
- name: bus-ca
  mountPath: /etc/opvic/bus-ca
  readOnly: true
{{- end }}
{{- if .Values.nats.tls.clientSecretName }}
- name: bus-client
  mountPath: /etc/opvic/bus-client
  readOnly: true
{{- end }}
{{- end -}}
