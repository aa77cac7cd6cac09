/**
 * The libp2p node, set up. Every option here is there for a reason, most of them because the default fails silently; see
 * docs/decisions/0021.
 */
import { type GossipSub, gossipsub } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type { Connection, ConnectionGater, Libp2p, PeerId, PrivateKey, Topology } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { type Address, formatAddress } from '../base/address.ts';
import { BeaconError } from '../base/errors.ts';
import {
  CLUSTER_DIAL_TIMEOUT_MS,
  CLUSTER_INBOUND_PENDING,
  CLUSTER_INBOUND_PER_SECOND,
  CLUSTER_MEMBERS,
  CLUSTER_PARALLEL_DIALS,
  CLUSTER_PING_MS,
  CLUSTER_STREAM_WINDOW_BYTES,
  CLUSTER_STREAMS,
  GOSSIP_SEEN_MS,
  GOSSIP_SEND_BUFFER_BYTES,
} from '../base/limits.ts';

/** The newest protocol that gossipsub speaks; it takes part in its topology under this name. */
const MESHSUB = '/meshsub/1.2.0';

/** Where libp2p's and gossipsub's own metrics go. */
export interface ClusterMetrics {
  /** For example `prometheusMetrics()` of @libp2p/prometheus-metrics. */
  readonly libp2p?: NonNullable<Parameters<typeof createLibp2p>[0]>['metrics'];
  /** Registry in the form gossipsub takes, which is that of prom-client. */
  readonly gossipsub?: NonNullable<NonNullable<Parameters<typeof gossipsub>[0]>['metricsRegister']>;
}

export interface ClusterNodeOptions {
  readonly privateKey: PrivateKey;
  readonly listen: Address;
  /** What identify tells others to be our address. None: nothing is told; members dial what they were given. */
  readonly advertise?: Address;
  readonly gater: ConnectionGater;
  readonly topic: string;
  readonly metrics?: ClusterMetrics;
}

export interface ClusterNode {
  readonly libp2p: Libp2p<{ identify: Identify; pubsub: GossipSub }>;
  /** Where it listens, port 0 resolved. */
  bound(): { address: string; port: number };
  /** Has gossipsub open its streams on `connection`, unless it has them. What identify does for a new connection. */
  reopenGossip(peerId: PeerId, connection: Connection): Promise<void>;
}

/** What this file needs of libp2p's inner parts. */
interface Inner {
  readonly registrar: { getTopologies(protocol: string): Topology[] };
  readonly transportManager: { getAddrs(): Multiaddr[] };
}

/** Not started. Throws nothing that a setting can cause. */
export async function createClusterNode(options: ClusterNodeOptions): Promise<ClusterNode> {
  let inner: Inner | undefined;
  const libp2p = await createLibp2p({
    start: false,
    privateKey: options.privateKey,
    nodeInfo: { name: 'beacon', version: '1', userAgent: 'beacon' },
    addresses: addresses(options),
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [muxer()],
    connectionGater: options.gater,
    connectionManager: connectionManager(),
    // Our own watch does it: this one aborts healthy peers when the event loop is slow.
    connectionMonitor: { enabled: false },
    ...(options.metrics?.libp2p && { metrics: options.metrics.libp2p }),
    services: {
      identify: identify({ protocolPrefix: 'beacon' }),
      pubsub: gossip(options),
      inner: (components: Inner) => {
        inner = components;
        return {};
      },
    },
  });
  return {
    libp2p,
    bound: () => boundAddress(inner),
    async reopenGossip(peerId, connection) {
      const topologies = inner?.registrar.getTopologies(MESHSUB) ?? [];
      await Promise.all(topologies.map((topology) => topology.onConnect?.(peerId, connection)));
    },
  };
}

/** `/dns` lets the operating system find IPv4 and IPv6 addresses, anew at each dial. */
export function toMultiaddr({ host, port }: Address): Multiaddr {
  if (host.includes(':')) return multiaddr(`/ip6/${host}/tcp/${port}`);
  return multiaddr(`/${isIpv4(host) ? 'ip4' : 'dns'}/${host}/tcp/${port}`);
}

function isIpv4(host: string): boolean {
  return /^[\d.]+$/.test(host);
}

function addresses({ listen, advertise }: ClusterNodeOptions) {
  return {
    listen: listenAddresses(listen),
    announce: advertise ? [toMultiaddr(advertise).toString()] : [],
    // Without it identify would tell every address of this machine; nobody dials what identify says.
    announceFilter: (all: Multiaddr[]) => (advertise ? all : []),
  };
}

/** Throws `config` for a host name: what a name stands for is not where to listen. */
function listenAddresses({ host, port }: Address): string[] {
  // libp2p's IPv6 sockets take no IPv4, so all addresses are two sockets; where there is no IPv6 it goes on without.
  if (host === '')
    return port === 0 ? ['/ip4/0.0.0.0/tcp/0'] : [`/ip4/0.0.0.0/tcp/${port}`, `/ip6/::/tcp/${port}`];
  if (isIpv4(host)) return [`/ip4/${host}/tcp/${port}`];
  if (host.includes(':')) return [`/ip6/${host}/tcp/${port}`];
  throw new BeaconError(
    'config',
    `cannot listen for the cluster on ${formatAddress({ host, port })}: give an IP address, or leave the host out`,
  );
}

function connectionManager() {
  return {
    maxConnections: 4 * CLUSTER_MEMBERS,
    maxParallelDials: CLUSTER_PARALLEL_DIALS,
    dialTimeout: CLUSTER_DIAL_TIMEOUT_MS,
    addressDialTimeout: CLUSTER_DIAL_TIMEOUT_MS,
    // A silent stranger must not hold one of the pending places for longer than a member needs.
    inboundUpgradeTimeout: CLUSTER_DIAL_TIMEOUT_MS,
    inboundConnectionThreshold: CLUSTER_INBOUND_PER_SECOND,
    maxIncomingPendingConnections: CLUSTER_INBOUND_PENDING,
    reconnectRetries: 0,
  };
}

function muxer() {
  return yamux({
    enableKeepAlive: true,
    keepAliveInterval: CLUSTER_PING_MS,
    maxInboundStreams: CLUSTER_STREAMS,
    maxOutboundStreams: CLUSTER_STREAMS,
    streamOptions: {
      initialStreamWindowSize: CLUSTER_STREAM_WINDOW_BYTES,
      maxStreamWindowSize: CLUSTER_STREAM_WINDOW_BYTES,
    },
  });
}

function gossip({ topic, metrics }: ClusterNodeOptions) {
  return gossipsub({
    globalSignaturePolicy: 'StrictSign',
    allowedTopics: [topic],
    fallbackToFloodsub: false,
    emitSelf: false,
    allowPublishToZeroTopicPeers: true,
    // Own entries go to every connected member in one hop, whatever the mesh looks like.
    floodPublish: true,
    D: 3,
    Dlo: 2,
    Dhi: 4,
    Dout: 1,
    Dscore: 2,
    Dlazy: 3,
    // Mesh tags are keep-alive tags, and would have libp2p dial by its own rules.
    tagMeshPeers: false,
    doPX: false,
    // Members behind one address are no sybils, and a member that errs is not to fall silent for it.
    scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0 },
    seenTTL: GOSSIP_SEEN_MS,
    // A copy that comes by another way costs no signature check. Only ids of entries with a good signature are kept.
    fastMsgIdFn: ({ from, seqno }) => `${latin1(from)}${latin1(seqno)}`,
    maxOutboundBufferSize: GOSSIP_SEND_BUFFER_BYTES,
    // In the order in which they were sent, one at a time.
    awaitRpcHandler: true,
    awaitRpcMessageHandler: true,
    ...(metrics?.gossipsub && { metricsRegister: metrics.gossipsub, metricsTopicStrToLabel: new Map() }),
  });
}

function latin1(bytes: Uint8Array | undefined): string {
  return bytes ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') : '';
}

function boundAddress(inner: Inner | undefined): { address: string; port: number } {
  const [ip, transport] = inner?.transportManager.getAddrs()[0]?.getComponents() ?? [];
  if (!ip?.value || !transport?.value) throw new BeaconError('closed', 'the cluster port is not open');
  return { address: ip.value, port: Number(transport.value) };
}
