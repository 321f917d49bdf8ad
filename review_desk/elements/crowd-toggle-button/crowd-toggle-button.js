// @ts-check

/** A switch. Attribute of its own: `invalid` (it is shown as wrong while it is off). */
class CrowdToggleButton extends CrowdChoice {
  static properties = { invalid: { type: Boolean, reflect: true } };

  static styles = [
    CrowdChoice.styles,
    css`
      input {
        appearance: none; position: relative; width: 44px; height: 24px; margin: 0; border: 2px solid var(--crowd-line);
        border-radius: 12px; background: var(--crowd-surface);
      }
      input::before {
        content: ""; position: absolute; top: 3px; left: 3px; width: 14px; height: 14px; border-radius: 50%;
        background: var(--crowd-line); transition: transform 0.1s;
      }
      input:checked { border-color: var(--crowd-accent); background: var(--crowd-accent); }
      input:checked::before { background: var(--crowd-on-accent); transform: translateX(20px); }
      input[aria-invalid]:not(:checked) { border-color: var(--crowd-danger); }
      input[aria-invalid]:not(:checked)::before { background: var(--crowd-danger); }
      input:disabled { opacity: 0.6; }
      @media (prefers-reduced-motion: reduce) { input::before { transition: none; } }
      @media (forced-colors: active) { input::before, input:checked::before { background: ButtonText; } }
    `,
  ];

  _role = "switch";
  _missing = ELEMENT_STRINGS.choice.switchOn;

  get _isInvalid() {
    return (Boolean(this.invalid) && !this.checked) || super._isInvalid;
  }
}

defineElement("crowd-toggle-button", CrowdToggleButton);
