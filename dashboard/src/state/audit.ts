// What operators did, as far as somebody looks: the audit log with what is in the way of taking
// each entry back by now. Roundel alone knows that, so the log is fetched anew with each entry.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { json } from "../api/client";
import type { Audit } from "../api/types";
import { audited } from "./live";

/** Newest first; `null` until somebody looked. */
export const auditLog = signal<readonly Audit[] | null>(null);
/** Why it could not be read, when it was tried last. */
export const auditTrouble = signal<unknown>(null);

export async function readAuditLog(): Promise<readonly Audit[]> {
  try {
    const { entries } = await json<{ entries: Audit[] }>("/audit");
    auditLog.value = entries;
    auditTrouble.value = null;
    return entries;
  } catch (error) {
    auditTrouble.value = error;
    throw error;
  }
}

/** Keeps the log up to date while `isWanted`. */
export function useAuditLog(isWanted = true): void {
  const newest = audited.value[0]?.id ?? 0;
  useEffect(() => {
    if (isWanted && newest >= 0) readAuditLog().catch(() => undefined);
  }, [isWanted, newest]);
}
