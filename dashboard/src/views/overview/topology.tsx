// Draws the topology: boxes are links with their own words, and each arrow says what it carries.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { State } from "../../api/types";
import { compact } from "../../logic/format";
import { linkTo } from "../../logic/route";
import { type Link, NODE_HEIGHT, NODE_WIDTH, type Node, topology, WIDTH_MIN } from "../../logic/topology";
import { Glyph } from "../../ui/glyph";
import { SILENCE } from "../pools/words";

const HEADS = ["Listener", "Route", "Pool", "Endpoint"] as const;

export function TopologyPicture({ state }: { state: State }) {
  const frame = useRef<HTMLElement>(null);
  const [room, setRoom] = useState(WIDTH_MIN);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setRoom(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const { nodes, links, width, height } = useMemo(() => topology(state, room), [state, room]);
  return (
    <section
      ref={frame}
      class="scroll-x"
      tabIndex={0}
      aria-label="Listeners, routes, pools and endpoints, with requests per second"
    >
      <div class="topology-heads" style={{ width: `${width}px` }} aria-hidden="true">
        {HEADS.map((head) => (
          <span key={head} style={{ width: `${NODE_WIDTH}px` }}>
            {head}
          </span>
        ))}
      </div>
      <div class="picture" style={{ width: `${width}px`, height: `${height}px` }}>
        <svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          {links.map((link) => (
            <path key={link.id} class={linkClass(link)} d={link.path} stroke-width={link.width}>
              <title>{`${link.from.title} to ${link.to.title}: ${compact(link.rate)} requests/s`}</title>
            </path>
          ))}
          {links.map((link) => (link.to.column > 1 ? <Rate key={link.id} link={link} /> : null))}
        </svg>
        <ul>
          {nodes.map((node) => (
            <li key={node.id} style={{ left: `${node.x}px`, top: `${node.y}px` }}>
              <NodeBox node={node} />
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}

function linkClass({ rate, isIdle, to }: Link): string {
  const isBad = to.standing === "unhealthy" || to.standing === "absent" || to.standing === "ejected";
  return `link${rate > 0 ? "" : " still"}${isIdle ? " idle" : ""}${isBad ? " bad" : ""}`;
}

/** The rate, close to where the arrow ends, so that no two fall on one another. */
function Rate({ link }: { link: Link }) {
  if (link.rate <= 0) return null;
  return (
    <text class="rate" x={link.to.x - 8} y={link.to.y + NODE_HEIGHT / 2 - 6} text-anchor="end">
      {compact(link.rate)}/s
    </text>
  );
}

function NodeBox({ node }: { node: Node }) {
  const { standing, title, note, rate, pool, endpoint } = node;
  const size = { width: `${NODE_WIDTH}px`, height: `${NODE_HEIGHT}px` };
  const words = `${compact(rate)} requests/s`;
  const box = (
    <>
      {standing && <Glyph name={standing} />}
      <span>
        <strong>{title}</strong>
        {note && <small>{note}</small>}
      </span>
      <span class="visually-hidden">
        , {HEADS[node.column]}, {standing && `${standing}, `}
        {words}
      </span>
    </>
  );
  const meaning = standing === "silent" ? `. ${SILENCE}` : "";
  const hint = [title, note, standing, words].filter(Boolean).join(", ") + meaning;
  if (pool === null) {
    return (
      <div class="node" style={size} title={hint}>
        {box}
      </div>
    );
  }
  const query = standing !== null && endpoint === null ? { state: standing } : {};
  const href = linkTo("pools", endpoint === null ? [pool] : [pool, endpoint], query);
  return (
    <a class={`node ${standing ?? ""}`} style={size} title={hint} href={href}>
      {box}
    </a>
  );
}
