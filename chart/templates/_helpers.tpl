{{/*
Names, labels and the parts that every workload of this chart has.
Where a template is for one component, its argument is (list $ "relay").
*/}}

{{- define "beacon.name" -}}
{{- .Values.nameOverride | default .Chart.Name }}
{{- end }}

{{/*
The relay's StatefulSet is called this, and everything else begins with it. It is never cut off: two releases could get one name.
52: Kubernetes puts `-` and ten characters behind it, into a label of the pods, and a label has 63 at the most.
*/}}
{{- define "beacon.fullname" -}}
{{- $name := .Values.fullnameOverride }}
{{- if not $name }}
{{- $chart := include "beacon.name" . }}
{{- $name = contains $chart .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $chart) }}
{{- end }}
{{- if gt (len $name) 52 }}
{{- fail (printf "the name %q has %d characters, and 52 is the most for a StatefulSet; give a shorter one with fullnameOverride" $name (len $name)) }}
{{- end }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) }}
{{- fail (printf "the name %q cannot be a Service's, which has letters, digits and dashes and begins with a letter; give another one with fullnameOverride" $name) }}
{{- end }}
{{- $name }}
{{- end }}

{{/* The full name with a suffix, (list $ "headless"): a name of at most 63 characters, as DNS labels have. */}}
{{- define "beacon.nameWith" -}}
{{- $name := printf "%s-%s" (include "beacon.fullname" (first .)) (last .) }}
{{- if gt (len $name) 63 }}
{{- fail (printf "the name %q has %d characters, and Kubernetes takes 63 at the most; give a shorter one with fullnameOverride" $name (len $name)) }}
{{- end }}
{{- $name }}
{{- end }}

{{- define "beacon.selectorLabels" -}}
{{- $ := first . -}}
app.kubernetes.io/name: {{ include "beacon.name" $ }}
app.kubernetes.io/instance: {{ $.Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{- define "beacon.labels" -}}
{{- $ := first . -}}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" }}
{{ include "beacon.selectorLabels" . }}
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
{{- end }}

{{/* Of what belongs to the release and to none of its components. */}}
{{- define "beacon.releaseLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "beacon.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "beacon.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ printf "%s@%s" .repository .digest }}
{{- else -}}
{{ printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) }}
{{- end }}
{{- end }}
{{- end }}

{{/* What the "restricted" profile of Pod Security asks of a pod; 65532 is the image's user. */}}
{{- define "beacon.podSecurityContext" -}}
{{- toYaml .Values.podSecurityContext }}
{{- end }}

{{/* What it asks of each container. */}}
{{- define "beacon.securityContext" -}}
{{- toYaml .Values.securityContext }}
{{- end }}

{{/* Spec of every pod, but for its containers and volumes. No token: nothing here talks to Kubernetes. No service links: a Service called
beacon would set BEACON_PORT and the like. */}}
{{- define "beacon.podSpec" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "beacon.podSecurityContext" . | nindent 2 }}
{{- end }}

{{/* Of every daemon, on the port health. */}}
{{- define "beacon.probes" -}}
startupProbe:
  httpGet:
    path: /readyz
    port: health
  periodSeconds: 1
  failureThreshold: 60
readinessProbe:
  httpGet:
    path: /readyz
    port: health
  periodSeconds: 3
# Whether it runs, and nothing of others: that would take all replicas down together.
livenessProbe:
  httpGet:
    path: /healthz
    port: health
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{/* A map of settings as variables: drainTimeout becomes BEACON_DRAIN_TIMEOUT, a list is joined by commas. */}}
{{- define "beacon.settings" -}}
{{- range $name, $value := . }}
{{- $variable := $name | snakecase | trimPrefix "beacon_" | printf "beacon_%s" | upper }}
- name: {{ $variable }}
  value: {{ kindIs "slice" $value | ternary (join "," $value) (toString $value) | quote }}
{{- end }}
{{- end }}

{{/* Pods of one component on many machines and in many zones. Machines that are drained, or the control plane's, do not count. */}}
{{- define "beacon.topologySpread" -}}
{{- $spread := (first .).Values.topologySpread -}}
{{- range $i, $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
{{- if $i }}{{ "\n" }}{{ end -}}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: {{ index (list $spread.zones $spread.hosts) $i }}
  nodeTaintsPolicy: Honor
  labelSelector:
    matchLabels:
      {{- include "beacon.selectorLabels" $ | nindent 6 }}
{{- end }}
{{- end }}
