{{/* What pods have in common: images, security, placement, environment. */}}

{{/* (root, section, program): the image. Images of the Go system are refused: they know none of our settings. */}}
{{- define "opvic.image" -}}
{{- $section := index .root.Values .section -}}
{{- $own := printf "%s/opvic-%s" .root.Values.image.registry .program -}}
{{- $tag := $section.image.tag | default .root.Values.image.tag | default (printf "v%s" .root.Chart.AppVersion) -}}
{{- $repository := $section.image.repository | default $own -}}
{{- $fix := printf "the Go system's image cannot run here: remove %s.image from the values, or name %s:v%s or a copy of it" .section $own .root.Chart.AppVersion -}}
{{- if regexMatch "(^|/)opvic(-agent)?$" $repository -}}
{{- fail (printf "%s.image.repository: %q: %s" .section $repository $fix) -}}
{{- end -}}
{{- if regexMatch "^v?0\\.[01](\\.|$)" $tag -}}
{{- fail (printf "%s.image.tag: %q: %s" .section $tag $fix) -}}
{{- end -}}
image: {{ printf "%s:%s" $repository $tag | quote }}
imagePullPolicy: {{ $section.image.pullPolicy | default .root.Values.image.pullPolicy }}
{{- end -}}

{{/* (root, section) */}}
{{- define "opvic.podSecurity" -}}
{{- toYaml (mergeOverwrite (deepCopy (.root.Values.podSecurityContext | default dict)) ((index .root.Values .section).podSecurityContext | default dict)) -}}
{{- end -}}

{{- define "opvic.containerSecurity" -}}
{{- toYaml (mergeOverwrite (deepCopy (.root.Values.securityContext | default dict)) ((index .root.Values .section).securityContext | default dict)) -}}
{{- end -}}

{{/* (root, section, component, many): what stands at the pod's level in every workload. Placement falls back to the
control plane's, since a cluster that needs a toleration for one of its pods needs it for all. */}}
{{- define "opvic.pod" -}}
{{- $own := index .root.Values .section -}}
{{- $other := ternary $own .root.Values.controlplane (eq .section "agent") -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
enableServiceLinks: false
securityContext:
  {{- include "opvic.podSecurity" . | nindent 2 }}
{{- with $own.priorityClassName | default $other.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $own.nodeSelector | default $other.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations | default $other.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity | default $other.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $own.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml $own.topologySpreadConstraints | nindent 2 }}
{{- else if .many }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "opvic.selector" . | nindent 8 }}
{{- end }}
{{- end -}}

{{/* port: of /healthz and /readyz */}}
{{- define "opvic.probes" -}}
livenessProbe:
  httpGet:
    path: /healthz
    port: {{ . }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    path: /readyz
    port: {{ . }}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{/* An id, which YAML may have read as a number: 1234567 as 1.234567e+06. */}}
{{- define "opvic.number" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ int64 . }}{{ end -}}
{{- end -}}
