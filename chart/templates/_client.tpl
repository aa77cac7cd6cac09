{{/* What bridge and broker share. The argument is (list $ "bridge") or (list $ "broker"). */}}

{{/* Empty: there is none. */}}
{{- define "beacon.clientEnabled" -}}
{{- $values := (first .).Values -}}
{{- if or (get $values (last .)).enabled (and (eq (last .) "broker") $values.operator.broker.beacon.enabled) }}true{{ end }}
{{- end }}

{{- define "beacon.clientAddress" -}}
{{- $older := eq (last .) "broker" | ternary (first .).Values.operator.broker.beacon.address "" -}}
{{- (get (first .).Values (last .)).beacon.address | default $older | nospace }}
{{- end }}

{{- define "beacon.clientInfoHash" -}}
{{- $older := eq (last .) "broker" | ternary (first .).Values.operator.broker.beacon.infoHash "" -}}
{{- (get (first .).Values (last .)).beacon.infoHash | default $older }}
{{- end }}

{{/* The Secret with the key; with certificates as well, unless those are values. */}}
{{- define "beacon.clientIdentity" -}}
{{- (get (first .).Values (last .)).identity.existingSecret | default (include "beacon.nameWith" (list (first .) (printf "%s-identity" (last .)))) }}
{{- end }}

{{/* Certificates that are values, by the key in the ConfigMap, for fromYaml. */}}
{{- define "beacon.clientPems" -}}
{{- $values := get (first .).Values (last .) -}}
{{- $pems := dict "tls.crt" $values.identity.certificate "ca.crt" $values.identity.ca "relay-ca.crt" $values.beacon.ca }}
{{- if eq (last .) "bridge" }}
{{- $pems = set $pems "vault-ca.crt" $values.vaultCa }}
{{- end }}
{{- range $key, $pem := $pems }}
{{- if not $pem }}{{ $_ := unset $pems $key }}{{ end }}
{{- end }}
{{- toYaml $pems }}
{{- end }}

{{- define "beacon.clientEnv" -}}
{{- $ := first . -}}
{{- $values := get $.Values (last .) -}}
- name: BEACON_ADDRESS
  value: {{ include "beacon.clientAddress" . | quote }}
{{- with include "beacon.clientInfoHash" . }}
- name: BEACON_INFO_HASH
  value: {{ . | quote }}
{{- end }}
{{- if or $values.beacon.ca $values.beacon.caSecret }}
- name: BEACON_CA
  value: /etc/beacon/relay-ca/ca.crt
{{- end }}
{{- with $values.beacon.pins }}
- name: BEACON_PIN
  value: {{ join "," . | quote }}
{{- end }}
- name: BEACON_TLS_CERT
  value: /etc/beacon/identity/tls.crt
- name: BEACON_TLS_KEY
  value: /etc/beacon/identity/tls.key
- name: BEACON_TLS_CA
  value: /etc/beacon/identity/ca.crt
- name: BEACON_HEALTH_ADDR
  value: ":8080"
{{- include (printf "beacon.%sEnv" (last .)) $ }}
{{- include "beacon.settings" $values.settings }}
{{- include "beacon.heapEnv" $values.resources }}
- name: MALLOC_ARENA_MAX
  value: "2"
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "beacon.clientMounts" -}}
{{- $values := get (first .).Values (last .) -}}
- name: {{ last . }}-identity
  mountPath: /etc/beacon/identity
  readOnly: true
{{- if or $values.beacon.ca $values.beacon.caSecret }}
- name: {{ last . }}-relay-ca
  mountPath: /etc/beacon/relay-ca
  readOnly: true
{{- end }}
{{- if or $values.vaultCa $values.vaultCaSecret }}
- name: {{ last . }}-vault-ca
  mountPath: /etc/beacon/vault-ca
  readOnly: true
{{- end }}
{{- if eq (last .) "broker" }}
{{- if $values.tls.existingSecret }}
- name: broker-tls
  mountPath: /etc/beacon/tls
  readOnly: true
{{- end }}
{{- end }}
{{- with $values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The key comes from the Secret, always; the certificates from there or from the ConfigMap, into one directory. */}}
{{- define "beacon.clientVolumes" -}}
{{- $ := first . -}}
{{- $values := get $.Values (last .) -}}
{{- $given := include "beacon.clientPems" . | fromYaml -}}
- name: {{ last . }}-identity
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ include "beacon.clientIdentity" . }}
          items:
            {{- range $key := list "tls.crt" "tls.key" "ca.crt" }}
            {{- if not (hasKey $given $key) }}
            - key: {{ $key }}
              path: {{ $key }}
            {{- end }}
            {{- end }}
      {{- if or $values.identity.certificate $values.identity.ca }}
      - configMap:
          name: {{ include "beacon.nameWith" . }}
          items:
            {{- range $key := list "tls.crt" "ca.crt" }}
            {{- if hasKey $given $key }}
            - key: {{ $key }}
              path: {{ $key }}
            {{- end }}
            {{- end }}
      {{- end }}
{{- include "beacon.caVolume" (list $ (last .) "relay-ca" $values.beacon.ca $values.beacon.caSecret) }}
{{- if eq (last .) "bridge" }}
{{- include "beacon.caVolume" (list $ (last .) "vault-ca" $values.vaultCa $values.vaultCaSecret) }}
{{- else if $values.tls.existingSecret }}
- name: broker-tls
  secret:
    secretName: {{ $values.tls.existingSecret }}
    defaultMode: 0440
{{- end }}
{{- with $values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* (list $ component name pem secret): one of the last two; nothing where both are empty. */}}
{{- define "beacon.caVolume" -}}
{{- $name := index . 2 }}
{{- if last . }}
- name: {{ index . 1 }}-{{ $name }}
  secret:
    secretName: {{ last . }}
    items:
      - key: ca.crt
        path: ca.crt
{{- else if index . 3 }}
- name: {{ index . 1 }}-{{ $name }}
  configMap:
    name: {{ include "beacon.nameWith" (list (first .) (index . 1)) }}
    items:
      - key: {{ $name }}.crt
        path: ca.crt
{{- end }}
{{- end }}

{{/* Without probes and hooks. */}}
{{- define "beacon.clientContainer" -}}
{{- $ := first . -}}
{{- $values := get $.Values (last .) -}}
name: {{ last . }}
image: {{ include "beacon.image" $ }}
imagePullPolicy: {{ $.Values.image.pullPolicy }}
args:
  - {{ last . }}
  {{- with $values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
env:
  {{- include "beacon.clientEnv" . | nindent 2 }}
resources:
  {{- toYaml $values.resources | nindent 2 }}
securityContext:
  {{- include "beacon.securityContext" $ | nindent 2 }}
volumeMounts:
  {{- include "beacon.clientMounts" . | nindent 2 }}
{{- end }}

{{/* Selector and pod of a Deployment, and how it is rolled. */}}
{{- define "beacon.clientWorkload" -}}
{{- $ := first . -}}
{{- $values := get $.Values (last .) -}}
replicas: {{ $values.replicas }}
# The new pod is there before an old one goes.
strategy:
  type: RollingUpdate
  rollingUpdate:
    maxSurge: 1
    maxUnavailable: 0
selector:
  matchLabels:
    {{- include "beacon.selectorLabels" . | nindent 4 }}
template:
  metadata:
    labels:
      {{- include "beacon.selectorLabels" . | nindent 6 }}
      {{- with $values.podLabels }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with $values.podAnnotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    {{- include "beacon.podSpec" $ | nindent 4 }}
    # 15 s for streams that run, and room for what comes before and after.
    terminationGracePeriodSeconds: 45
    topologySpreadConstraints:
      {{- include "beacon.topologySpread" . | nindent 6 }}
    {{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
    {{- with get $values $key }}
    {{ $key }}:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- end }}
    containers:
      - {{ include "beacon.clientContainer" . | nindent 8 | trim }}
        ports:
          {{- if eq (last .) "broker" }}
          {{- range $port := include "beacon.brokerPorts" $ | fromJson | values | sortAlpha }}
          - containerPort: {{ $port }}
          {{- end }}
          {{- end }}
          - name: health
            containerPort: 8080
        {{- include "beacon.probes" $ | nindent 8 }}
        {{- if eq (last .) "broker" }}
        # New clients come until every machine has heard that this pod goes.
        lifecycle:
          preStop:
            exec:
              command: [node, -e, "setTimeout(() => {}, 10_000)"]
        {{- end }}
    volumes:
      {{- include "beacon.clientVolumes" . | nindent 6 }}
{{- end }}

{{/* Ports of relays, of an egress proxy, and of a bridge's targets, for fromJsonArray. */}}
{{- define "beacon.clientEgressPorts" -}}
{{- $values := get (first .).Values (last .) -}}
{{- $ports := list }}
{{- if $values.settings.proxy }}
{{- $ports = append $ports (regexFind ":[0-9]+/?$" $values.settings.proxy | trimAll ":/" | default "80") }}
{{- else }}
{{- range splitList "," (include "beacon.clientAddress" .) }}
{{- $ports = append $ports (regexFind ":[0-9]+$" . | trimPrefix ":" | default "443") }}
{{- end }}
{{- end }}
{{- if eq (last .) "bridge" }}
{{- range prepend (values $values.targets) $values.vaultAddr | compact }}
{{- $default := hasPrefix "https:" . | ternary "443" "80" }}
{{- $ports = append $ports (regexFind ":[0-9]+/?$" . | trimAll ":/" | default $default) }}
{{- end }}
{{- end }}
{{- $ports | uniq | sortAlpha | toJson }}
{{- end }}

{{/* Out to DNS and to those ports anywhere; to relays of this release also where a Service has turned 443 into 8443. */}}
{{- define "beacon.clientEgress" -}}
{{- $ := first . -}}
- to:
    {{- toYaml $.Values.networkPolicy.dnsTo | nindent 4 }}
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
- ports:
    {{- range include "beacon.clientEgressPorts" . | fromJsonArray }}
    - port: {{ . }}
    {{- end }}
{{- if $.Values.beacon.enabled }}
- to:
    - podSelector:
        matchLabels:
          {{- include "beacon.selectorLabels" (list $ "relay") | nindent 10 }}
  ports:
    - port: 8443
{{- end }}
{{- with (get $.Values (last .)).networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end }}
