{{/* What the fetcher is told of upstreams: URLs, limits, the way out, credentials. */}}
{{- define "opvic.fetchEnv" -}}
{{- $providers := .Values.controlplane.providers }}
{{- with $providers.github.apiUrl }}
- name: PROVIDER_GITHUB_API_URL
  value: {{ . | quote }}
{{- end }}
{{- with $providers.gitlab.url }}
- name: PROVIDER_GITLAB_URL
  value: {{ . | quote }}
{{- end }}
{{- with $providers.gitea.url }}
- name: PROVIDER_GITEA_URL
  value: {{ . | quote }}
{{- end }}
{{- if .Values.fetcher.credentials.dockerConfigSecret }}
- name: FETCH_DOCKER_CONFIG
  value: /etc/opvic/docker/config.json
{{- end }}
{{- if .Values.fetcher.credentials.netrcSecret }}
- name: FETCH_NETRC
  value: /etc/opvic/netrc/netrc
{{- end }}
{{- with .Values.fetcher.fetch }}
{{- with .allowCidrs }}
- name: FETCH_ALLOW_CIDRS
  value: {{ join "\n" . | quote }}
{{- end }}
{{- if .caConfigMap }}
- name: FETCH_CA_FILE
  value: /etc/opvic/upstream-ca/ca.crt
{{- end }}
- name: FETCH_WORKERS
  value: {{ .workers | int64 | quote }}
- name: FETCH_TOTAL_TIMEOUT
  value: {{ .totalTimeout }}
- name: FETCH_PAGES_MAX
  value: {{ .pagesMax | int64 | quote }}
- name: FETCH_BYTES_MAX
  value: {{ .bytesMax | int64 | quote }}
{{- with .proxy.url }}
- name: http_proxy
  value: {{ . | quote }}
- name: https_proxy
  value: {{ . | quote }}
{{- end }}
{{- with .proxy.noProxy }}
- name: no_proxy
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The Secrets whose keys are variables. */}}
{{- define "opvic.fetchEnvFrom" -}}
{{- range $name := list "github" "gitlab" "gitea" }}
{{- $p := index $.Values.controlplane.providers $name }}
{{- $own := or $p.token $p.createSecret $p.appId $p.appInstallationId $p.appPrivateKey }}
{{- if or $p.existingSecret $own }}
- secretRef:
    name: {{ $p.existingSecret | default (printf "%s-control-plane-provider-%s-secrets" (include "opvic.fullname" $) $name) }}
{{- end }}
{{- end }}
{{- with concat (.Values.controlplane.extraEnvFrom | default list) (.Values.fetcher.extraEnvFrom | default list) }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "opvic.fetchVolumes" -}}
{{- with .Values.fetcher.credentials.dockerConfigSecret }}
- name: docker
  secret:
    secretName: {{ . }}
    items:
      - key: .dockerconfigjson
        path: config.json
{{- end }}
{{- with .Values.fetcher.credentials.netrcSecret }}
- name: netrc
  secret:
    secretName: {{ . }}
    items:
      - key: netrc
        path: netrc
{{- end }}
{{- with .Values.fetcher.fetch.caConfigMap }}
- name: upstream-ca
  configMap:
    name: {{ . }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- end -}}

{{- define "opvic.fetchMounts" -}}
{{- if .Values.fetcher.credentials.dockerConfigSecret }}
- name: docker
  mountPath: /etc/opvic/docker
  readOnly: true
{{- end }}
{{- if .Values.fetcher.credentials.netrcSecret }}
- name: netrc
  mountPath: /etc/opvic/netrc
  readOnly: true
{{- end }}
{{- if .Values.fetcher.fetch.caConfigMap }}
- name: upstream-ca
  mountPath: /etc/opvic/upstream-ca
  readOnly: true
{{- end }}
{{- end -}}
