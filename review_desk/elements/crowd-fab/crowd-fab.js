// @ts-check

/** A large round button that stands out. Attributes: those of every round button. */
class CrowdFab extends CrowdRoundButton {
  static styles = [
    CrowdRoundButton.styles,
    css`
      :host { --size: 56px; }
      button { color: var(--crowd-on-accent); background: var(--crowd-accent); box-shadow: var(--crowd-shadow); }
    `,
  ];
}

defineElement("crowd-fab", CrowdFab);
