{{/* Parts of the relay's pod. The argument is $. */}}

{{- define "beacon.relayEnv" -}}
- name: BEACON_ADDR
  value: ":8443"
- name: BEACON_HEALTH_ADDR
  value: ":8080"
- name: BEACON_TLS_CERT
  value: /etc/beacon/tls/tls.crt
- name: BEACON_TLS_KEY
  value: /etc/beacon/tls/tls.key
- name: BEACON_NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
# Kubernetes 1.35 and later put the machine's zone here; empty means not known.
- name: BEACON_ZONE
  valueFrom:
    fieldRef:
      fieldPath: metadata.labels['topology.kubernetes.io/zone']
- name: BEACON_CLUSTER_PEER
  value: {{ include "beacon.clusterPeers" . | quote }}
- name: BEACON_CLUSTER_SECRET_FILE
  value: /etc/beacon/cluster/secret
{{- if include "beacon.allowConfigMap" . }}
- name: BEACON_ALLOW_FILE
  value: /etc/beacon/allow/allowed
{{- end }}
{{- with .Values.service.proxyProtocolFrom }}
- name: BEACON_PROXY_PROTOCOL_FROM
  value: {{ join "," . | quote }}
{{- end }}
{{- include "beacon.settings" .Values.settings }}
{{- include "beacon.heapEnv" .Values.resources }}
# glibc would keep an arena for each core and thread.
- name: MALLOC_ARENA_MAX
  value: "2"
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Directories and not single files: those would not follow a change. */}}
{{- define "beacon.relayMounts" -}}
- name: tls
  mountPath: /etc/beacon/tls
  readOnly: true
- name: cluster
  mountPath: /etc/beacon/cluster
  readOnly: true
{{- if include "beacon.allowConfigMap" . }}
- name: allow
  mountPath: /etc/beacon/allow
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* 0440, and the group is fsGroup: nobody else in the pod can read a key. */}}
{{- define "beacon.relayVolumes" -}}
- name: tls
  secret:
    secretName: {{ include "beacon.tlsSecret" . }}
    defaultMode: 0440
- name: cluster
  secret:
    secretName: {{ include "beacon.clusterSecret" . }}
    defaultMode: 0440
    items:
      - key: {{ .Values.cluster.secretKey }}
        path: secret
{{- with include "beacon.allowConfigMap" . }}
- name: allow
  configMap:
    name: {{ . }}
    items:
      - key: {{ $.Values.allow.configMapKey }}
        path: allowed
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
