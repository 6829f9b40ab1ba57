// One request explained: the route and why, each attempt with the endpoints that were considered,
// and where the time went.

import { useEffect, useState } from "preact/hooks";
import { json, segment } from "../../api/client";
import type { Attempt, Candidate, Pick, RequestDetail } from "../../api/types";
import { explainEnd, explainFailure } from "../../logic/codes";
import { bytes, duration, durationOr, percent, plural, preciseClock } from "../../logic/format";
import { statusTone, timeParts } from "../../logic/requests";
import { linkTo } from "../../logic/route";
import { reasonOf } from "../../state/actions";
import { Fact, Facts } from "../../ui/facts";
import { type GlyphName, Mark } from "../../ui/glyph";

export function Explanation({ id }: { id: string }) {
  const [request, setRequest] = useState<RequestDetail | null>(null);
  const [mistake, setMistake] = useState<string | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    setRequest(null);
    setMistake(null);
    json<RequestDetail>(`/requests/${segment(id)}`, { signal: abort.signal }).then(
      setRequest,
      (error: unknown) => {
        if (!abort.signal.aborted) setMistake(reasonOf(error));
      },
    );
    return () => abort.abort();
  }, [id]);
  if (mistake !== null) {
    return (
      <p class="mistake">
        Roundel does not have this request any more, or never had it: only the newest are kept. ({mistake})
      </p>
    );
  }
  if (request === null) return <p class="quiet">Asking …</p>;
  return (
    <>
      <p class="request-line">
        <b>{request.method}</b> {request.host}
        {request.path}
      </p>
      <TimeSplit request={request} />
      <Story request={request} />
      <section>
        <h3>{plural(request.attempts_made.length, "attempt")}</h3>
        {request.attempts_made.length === 0 && <p class="quiet">No endpoint was asked.</p>}
        <ol class="attempts">
          {request.attempts_made.map((attempt, index) => (
            <AttemptCard
              key={`${attempt.started_ms} ${attempt.endpoint}`}
              attempt={attempt}
              pool={request.pool}
              index={index}
            />
          ))}
        </ol>
        {request.attempts_omitted > 0 && (
          <p class="quiet">{plural(request.attempts_omitted, "attempt")} before the last are not told.</p>
        )}
        {request.refusal && (
          <>
            <p>No endpoint had a place for it:</p>
            <Candidates pick={request.refusal} />
          </>
        )}
      </section>
    </>
  );
}

function TimeSplit({ request }: { request: RequestDetail }) {
  const parts = timeParts(request);
  return (
    <section>
      <h3>Where {duration(request.total_ms)} went</h3>
      <div class="time-bar large" aria-hidden="true">
        {parts.map((part) => (
          <span
            key={part.name}
            class={part.name.replace(" ", "-")}
            style={{ width: `${part.share * 100}%` }}
          />
        ))}
      </div>
      <ul class="time-legend">
        {parts.map((part) => (
          <li key={part.name}>
            <span class={`swatch ${part.name.replace(" ", "-")}`} aria-hidden="true" />
            {part.name} <b>{duration(part.ms)}</b> <span class="quiet">{percent(part.share)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Story({ request }: { request: RequestDetail }) {
  return (
    <Facts>
      <Fact name="Ended">
        <span class={`status ${statusTone(request.status)}`}>
          <b>{request.status ?? "no status"}</b>
        </span>{" "}
        <code>{request.end}</code>
        <span class="reason">{explainEnd(request.end)}</span>
      </Fact>
      <Fact name="At">{preciseClock(request.at)}</Fact>
      <Fact name="Client">
        {request.client} by listener {request.listener}, HTTP/{request.version.replace(/^HTTP\//, "")}
      </Fact>
      <Fact name="Route">
        {request.route ?? "none"}
        {request.route_reason && <span class="reason">{request.route_reason}</span>}
      </Fact>
      <Fact name="Pool">
        {request.pool === null ? "none" : <a href={linkTo("pools", [request.pool])}>{request.pool}</a>}
      </Fact>
      <Fact name="Bytes">
        {bytes(request.request_bytes)} asked, {bytes(request.response_bytes)} answered
      </Fact>
      <Fact name="Connection">
        {request.reused === null ? "none" : request.reused ? "reused" : "made for it"}
      </Fact>
      {request.request_id !== null && (
        <Fact name="Request id">
          <code>{request.request_id}</code>
        </Fact>
      )}
    </Facts>
  );
}

const VERDICTS: Record<string, [GlyphName, string]> = {
  chosen: ["healthy", "chosen"],
  not_chosen: ["enabled", "not chosen"],
  tried: ["warn", "already tried"],
  at_limit: ["warn", "at its limit"],
  silent: ["warn", "silent"],
  unhealthy: ["unhealthy", "unhealthy"],
  ejected: ["ejected", "ejected"],
  starting: ["starting", "starting"],
  absent: ["absent", "no process"],
  draining: ["draining", "draining"],
  disabled: ["disabled", "disabled"],
  backup: ["backup", "backup, not needed"],
  unprobed: ["unknown", "not probed yet"],
};

interface AttemptCardProps {
  attempt: Attempt;
  pool: string | null;
  index: number;
}

function AttemptCard({ attempt, pool, index }: AttemptCardProps) {
  const isGood = attempt.outcome === "ok";
  return (
    <li class="attempt">
      <p class="headline">
        <Mark name={isGood ? "healthy" : "unhealthy"} text={`${index + 1}.`} />{" "}
        <b>
          {pool === null ? (
            attempt.endpoint
          ) : (
            <a href={linkTo("pools", [pool, attempt.endpoint])}>{attempt.endpoint}</a>
          )}
        </b>{" "}
        {attempt.status !== null && `answered ${attempt.status}`}
        {!isGood && (
          <>
            {" "}
            <code class="bad">{attempt.outcome}</code>
          </>
        )}
      </p>
      {!isGood && <p class="quiet">{explainFailure(attempt.outcome)}</p>}
      <p class="quiet">
        after {duration(attempt.started_ms)} · connect{" "}
        {attempt.reused ? "reused" : durationOr(attempt.connect_ms)} · first byte{" "}
        {durationOr(attempt.first_byte_ms)}
      </p>
      {attempt.candidates.length > 0 && <Candidates pick={attempt} />}
    </li>
  );
}

function Candidates({ pick }: { pick: Pick }) {
  return (
    <table class="amounts candidates">
      <thead>
        <tr>
          <th scope="col">Candidate</th>
          <th scope="col">Verdict</th>
          <th scope="col" class="number">
            In flight
          </th>
        </tr>
      </thead>
      <tbody>
        {pick.candidates.map((candidate) => (
          <CandidateRow key={candidate.endpoint} candidate={candidate} />
        ))}
      </tbody>
      {pick.candidates_omitted > 0 && (
        <tfoot>
          <tr>
            <td colSpan={3} class="quiet">
              and {pick.candidates_omitted} more
            </td>
          </tr>
        </tfoot>
      )}
    </table>
  );
}

function CandidateRow({ candidate }: { candidate: Candidate }) {
  const [glyph, word] = VERDICTS[candidate.verdict] ?? ["info", candidate.verdict];
  return (
    <tr>
      <th scope="row">{candidate.endpoint}</th>
      <td>
        <Mark name={glyph} text={word} />
        {candidate.reason && <span class="reason quiet">{candidate.reason}</span>}
      </td>
      <td class="number">{candidate.in_flight ?? "–"}</td>
    </tr>
  );
}
