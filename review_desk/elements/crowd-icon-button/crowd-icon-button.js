// @ts-check

/** A round button that is only its icon. Attributes: those of every round button. */
class CrowdIconButton extends CrowdRoundButton {
  static styles = [
    CrowdRoundButton.styles,
    css`
      :host { --size: 40px; }
      button { background: none; }
      button:hover:not(:disabled) { background: color-mix(in srgb, var(--crowd-ink) 10%, transparent); }
    `,
  ];
}

defineElement("crowd-icon-button", CrowdIconButton);
