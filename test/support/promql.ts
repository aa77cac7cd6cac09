/** What a PromQL expression names: by Prometheus' own grammar, so that a string or a function is never taken for a metric. */
import { parser } from '@prometheus-io/lezer-promql';

type Node = ReturnType<typeof parser.parse>['topNode'];

export interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

export interface Expression {
  readonly selectors: readonly Selector[];
  /** Labels named by `by`, `without`, `on`, `ignoring` and `group_left`, of all depths. */
  readonly groupings: readonly string[];
  /** Labels that a result has: those of the outermost `by`. Undefined: whatever its series have. */
  readonly labels: readonly string[] | undefined;
}

/** Throws where it is no PromQL. Variables of Grafana must have been replaced. */
export function readPromql(text: string): Expression {
  const root = parser.parse(text).topNode;
  const source = (node: Node | null): string => (node ? text.slice(node.from, node.to) : '');
  const all = (kind: string, under = root): Node[] => {
    const found: Node[] = [];
    under.cursor().iterate(({ node, name }) => {
      if (name === kind) found.push(node);
    });
    return found;
  };
  const broken = all('⚠')[0];
  if (broken) throw new Error(`no PromQL at ${broken.from}: ${text}`);
  const matcher = (node: Node): Matcher => ({
    label: source(node.getChild('LabelName')),
    operator: source(node.getChild('MatchOp')),
    value: source(node.getChild('StringLiteral')).slice(1, -1),
  });
  const selectors = all('VectorSelector').map((node) => ({
    metric: source(node.getChild('Identifier')),
    matchers: all('UnquotedLabelMatcher', node).map(matcher),
  }));
  const labelsIn = (node: Node): string[] => all('LabelName', node).map(source);
  const outermost = all('AggregateExpr')[0];
  const modifier = outermost?.getChild('AggregateModifier');
  return {
    selectors,
    groupings: all('GroupingLabels').flatMap(labelsIn),
    labels: outermost ? (modifier ? labelsIn(modifier) : []) : undefined,
  };
}
