/** The looks of a report, light and dark. */
export const STYLE = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --text: #1c2128; --soft: #5c6672; --line: #d9dee5;
  --good: #14733a; --bad: #b3261e; --up: #c3ccd6; --calm: #e6f2ea;
  --dead: #d1342b; --drain: #e8871e; --still: #8250c4; --cut: #2757b8; --reset: #d1418f; --slow: #2a93a8; --certificates: #4f9a2b;
  --complete: #7fa8d9; --aborted: #b9c0c8; --failed: #d9a29e; --unfinished: #e8871e;
  --relay: #2563c9; --bridge: #1f8a4c; --broker: #c9661b; --shade: #8a94a01f; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1d2127; --text: #e4e8ed; --soft: #98a3b0; --line: #353c45;
  --good: #6fd08c; --bad: #ff8a80; --up: #4a5561; --calm: #1b2d22;
  --dead: #f0675f; --drain: #f2a24a; --still: #ab84e8; --cut: #6b9bf5; --reset: #ee76b6; --slow: #56bfd2; --certificates: #84c763;
  --complete: #4a7cb8; --aborted: #5d6874; --failed: #8a524e; --unfinished: #f2a24a;
  --relay: #6ea4ff; --bridge: #5cc98a; --broker: #f0a060; --shade: #a0acba1c; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; margin: 0 auto; padding: 1.5rem; max-width: 82rem; background: var(--page); color: var(--text); }
header { border-left: .5rem solid var(--good); padding: .2rem 0 .2rem 1rem; margin-bottom: 1.2rem; }
header.bad { border-color: var(--bad); }
header p { margin: .15rem 0; color: var(--soft); }
h1 { margin: 0; font-size: 2rem; line-height: 1.2; color: var(--good); } .bad h1 { color: var(--bad); }
h1 small { font-size: 1.1rem; font-weight: normal; margin-left: .8rem; color: var(--text); }
h2 { font-size: 1.1rem; margin: 0 0 .4rem; }
section, .tiles > div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin-bottom: 1rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem; }
.tiles b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tiles span { display: block; } .tiles small, .note, .tick, .level, .value { color: var(--soft); fill: var(--soft); }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: 0 0 .6rem; font-size: .85rem; color: var(--soft); }
.key { display: inline-block; width: 1.1rem; height: .7rem; border-radius: 2px; margin-right: .4rem; background: currentColor; }
.key.up { height: .4rem; vertical-align: .15rem; color: var(--up); } .key.line { height: 3px; vertical-align: .25rem; }
svg { display: block; width: 100%; height: auto; font-size: 12px; }
text.name { text-anchor: end; fill: var(--text); } text.tick { text-anchor: middle; } text.level { text-anchor: end; }
.grid { stroke: var(--line); stroke-width: 1; } .base { stroke: var(--soft); }
rect.up { fill: var(--up); } .calm { fill: var(--calm); } .shade { fill: var(--shade); }
.fault { fill: currentColor; } .link { stroke: currentColor; stroke-width: 1.5; stroke-dasharray: 2 3; }
.dead { color: var(--dead); } .drain { color: var(--drain); } .still { color: var(--still); } .cut { color: var(--cut); }
.reset { color: var(--reset); } .slow { color: var(--slow); } .certificates { color: var(--certificates); }
.stream { fill: currentColor; } .complete { color: var(--complete); } .aborted { color: var(--aborted); }
.failed { color: var(--failed); } .unfinished { color: var(--unfinished); }
.stall { stroke: var(--text); stroke-width: 2; } .finding { fill: var(--bad); }
.curve { fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linejoin: round; }
.relay { color: var(--relay); } .bridge { color: var(--bridge); } .broker { color: var(--broker); }
.n1 { opacity: .75; } .n2 { opacity: .5; } .n3 { opacity: .35; }
figure { margin: 0 0 .6rem; } figcaption { font-weight: 600; font-size: .9rem; }
table { border-collapse: collapse; width: 100%; } thead th { font-weight: normal; color: var(--soft); }
th, td { text-align: left; vertical-align: top; padding: .35rem 1rem .35rem 0; border-top: 1px solid var(--line); } thead th { border: 0; }
td ul { margin: .3rem 0; padding-left: 1.2rem; } td:nth-child(2) { font-variant-numeric: tabular-nums; } td.bad { color: var(--bad); font-weight: 700; }
span.soft { color: var(--soft); margin-left: .6rem; } .peaks { margin-bottom: 1.2rem; font-variant-numeric: tabular-nums; } .peaks th { font-weight: normal; }
span.good { color: var(--good); margin-left: .6rem; } code { font-size: .9em; }
.faults { columns: 3 20rem; margin: 0; padding-left: 1.6rem; font-size: .85rem; } li { break-inside: avoid; }
`;
