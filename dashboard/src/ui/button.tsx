// Buttons: plain ones, and those that ask again before they do harm.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icon";

export interface ButtonProps {
  onClick: () => void;
  children?: ComponentChildren;
  icon?: IconName;
  /** The whole name, where the visible text is shorter or there is none. */
  label?: string;
  tone?: "plain" | "main" | "danger" | "ghost";
  isDisabled?: boolean;
  isPressed?: boolean;
  title?: string;
  keys?: string;
}

export function Button(props: ButtonProps) {
  const {
    onClick,
    children,
    icon,
    label,
    tone = "plain",
    isDisabled = false,
    isPressed,
    title,
    keys,
  } = props;
  return (
    <button
      type="button"
      class={`button ${tone}${children === undefined ? " square" : ""}`}
      // Stays focusable while busy, so that the keyboard does not lose its place.
      aria-disabled={isDisabled || undefined}
      aria-label={label}
      aria-pressed={isPressed}
      aria-keyshortcuts={keys}
      title={title ?? (children === undefined ? label : undefined)}
      onClick={() => {
        if (!isDisabled) onClick();
      }}
    >
      {icon && <Icon name={icon} />}
      {children !== undefined && <span>{children}</span>}
    </button>
  );
}

/** How long a question stays before it takes itself back. */
const ASK_MS = 6_000;

/** A button that needs a second press, on another button in its place. */
export function ConfirmButton(props: ButtonProps & { question: string; confirm: string }) {
  const { question, confirm, onClick, ...rest } = props;
  const [isAsking, setAsking] = useState(false);
  const group = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (!isAsking) return;
    group.current?.querySelector<HTMLElement>("button")?.focus();
    const timer = setTimeout(() => setAsking(false), ASK_MS);
    return () => clearTimeout(timer);
  }, [isAsking]);
  const end = (): void => {
    const container = group.current;
    setAsking(false);
    requestAnimationFrame(() => container?.querySelector<HTMLElement>("button")?.focus());
  };
  return (
    <span
      ref={group}
      class={isAsking ? "ask open" : "ask"}
      role={isAsking ? "group" : undefined}
      aria-label={isAsking ? question : undefined}
      onKeyDown={(event) => {
        if (isAsking && event.key === "Escape") {
          event.stopPropagation();
          end();
        }
      }}
    >
      {isAsking ? (
        <>
          <Button
            tone="danger"
            label={`${confirm}: ${question}`}
            onClick={() => {
              end();
              onClick();
            }}
          >
            {confirm}
          </Button>
          <Button tone="ghost" onClick={end}>
            Cancel
          </Button>
        </>
      ) : (
        <Button {...rest} onClick={() => setAsking(true)} />
      )}
    </span>
  );
}
