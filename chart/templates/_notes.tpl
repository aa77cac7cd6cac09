{{/* Parts of NOTES.txt. The argument is $. */}}

{{/* For --beacon-address; with names for the pods, clients spread over those. */}}
{{- define "beacon.addresses" -}}
{{- $hosts := include "beacon.hosts" . | fromJsonArray }}
{{- join "," (.Values.service.perReplica.enabled | ternary (rest $hosts) $hosts) }}
{{- end }}

{{- define "beacon.cautions" -}}
{{- $replicas := include "beacon.replicas" . | int }}
{{- $service := .Values.service }}
{{- if eq $replicas 1 }}
CAUTION: one relay. Whenever it is restarted or dies, every tunnel waits for it, for 60 s at the most, and nothing is there in between.
Set replicas to 3.
{{ else if eq $replicas 2 }}
CAUTION: two relays. While one is restarted or dead, each tunnel has a single leg, and the loss of the other one is an outage.
Set replicas to 3.
{{ end }}
{{- if not (include "beacon.allowConfigMap" .) }}
CAUTION: these relays serve anybody's CA. List yours in allow.infoHashes: beacon info-hash bridge-ca.crt
{{ end }}
{{- with include "beacon.lostAddresses" . }}
CAUTION: {{ . }}
All clients then count as one, and share one limit of 100 connections a minute.
{{ end }}
{{- if and .Values.metrics.podMonitor.enabled .Values.networkPolicy.enabled (not .Values.networkPolicy.metricsFrom) }}
CAUTION: the network policy keeps Prometheus out. Name it in networkPolicy.metricsFrom.
{{ end }}
{{- if not .Values.cluster.existingSecret }}
The cluster secret is in the Secret {{ include "beacon.clusterSecret" . }}, and upgrades keep it. Argo CD, Flux and others that render without asking the
cluster would make a new one at each sync: for them set cluster.existingSecret={{ include "beacon.clusterSecret" . }}. This one stays then. Where there is none yet:
     openssl rand -base64 32 | kubectl --namespace {{ .Release.Namespace }} create secret generic {{ include "beacon.clusterSecret" . }} --from-file={{ .Values.cluster.secretKey }}=/dev/stdin
{{ end }}
{{- if .Values.beacon.ingress.host }}
beacon.ingress.host makes no Ingress: it sets the certificate and the DNS name.
{{ end }}
{{- if semverCompare "<1.35.0-0" .Capabilities.KubeVersion.Version }}
Kubernetes {{ .Capabilities.KubeVersion.Version }} does not tell pods their zone, 1.35 and later do: `beacon status` shows it as unknown, and brokers cannot prefer
legs in different zones.
{{ end }}
Whatever stands between clients and relays must pass TCP through (L4) and be exempt from TLS inspection: clients prove themselves in the
TLS handshake, and see an end of TLS in between as an attack.
{{- end }}

{{/* Why relays would not see the addresses of clients; empty where they do. */}}
{{- define "beacon.lostAddresses" -}}
{{- $service := .Values.service }}
{{- if $service.proxyProtocolFrom }}
{{- else if eq $service.type "ClusterIP" }}
{{- print "service.type is ClusterIP. If a proxy brings clients from outside, have it send the PROXY protocol and list its networks in service.proxyProtocolFrom; otherwise relays see its address instead of theirs." }}
{{- else if ne (include "beacon.externalTrafficPolicy" .) "Local" }}
{{- print "without externalTrafficPolicy Local and without the PROXY protocol, relays see addresses of machines of this cluster instead of the clients'. Set service.externalTrafficPolicy to Local, or service.proxyProtocolFrom." }}
{{- end }}
{{- end }}
