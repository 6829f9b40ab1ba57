// How long ago something was, by Roundel's clock; the exact time on hover.

import { ago, moment } from "../logic/format";
import { now } from "../state/live";

export function Ago({ at }: { at: string }) {
  return (
    <time dateTime={at} title={moment(at)}>
      {ago(at, now.value)}
    </time>
  );
}
