//! What is written about somebody, and by whom.

/// What somebody has when they do something.
#[derive(Clone, Copy, PartialEq)]
pub enum Has {
    /// What everybody has.
    Nothing,
    /// A subscription.
    Plan,
    /// A subscription that ends with its period.
    EndingPlan,
    /// A team of their own, which they act for.
    Team,
    /// A part in somebody else's team, which they act for, and an invitation to another.
    Membership,
}

/// Something that writes about somebody: what it is called, what they need for it, and the statement. `{user}`, `{account}`
/// (`{hex_account}` without hyphens) and `{key}` are theirs, `{id}` is new; `{colleague}` and `{invitation}` belong to
/// their team, `{token}` is what they were sent.
pub type Act = (&'static str, Has, &'static str);

/// Every function of the Data API that writes, as a user calls it.
pub const BY_USERS: [Act; 35] = [
    ("accept_invitation", Has::Membership, "octroi.accept_invitation('{token}')"),
    ("close_team", Has::Team, "octroi.close_team()"),
    ("create_team", Has::Nothing, "octroi.create_team('canary')"),
    ("decline_invitation", Has::Membership, "octroi.decline_invitation('{token}')"),
    (
        "invite_member",
        Has::Team,
        "octroi.invite_member('canary-{id}@example.test', 'https://app.example/join')",
    ),
    ("leave_team", Has::Membership, "octroi.leave_team()"),
    ("remove_member", Has::Team, "octroi.remove_member('{colleague}')"),
    ("resend_invitation", Has::Team, "octroi.resend_invitation('{invitation}')"),
    ("revoke_invitation", Has::Team, "octroi.revoke_invitation('{invitation}')"),
    ("set_budget", Has::Nothing, "octroi.set_budget('tokens', 'day', 5)"),
    ("set_key_budget", Has::Nothing, "octroi.set_key_budget('{key}', 'tokens', 'day', 5)"),
    ("set_member_budget", Has::Team, "octroi.set_member_budget('{user}', 'tokens', 'day', 5)"),
    ("set_member_role", Has::Team, "octroi.set_member_role('{colleague}', 'admin')"),
    ("transfer_team", Has::Team, "octroi.transfer_team('{colleague}')"),
    (
        "buy_top_up",
        Has::Plan,
        "octroi.buy_top_up('tokens_100k', 'https://app.example/a', 'https://app.example/b')",
    ),
    ("cancel_subscription", Has::Plan, "octroi.cancel_subscription()"),
    ("change_plan", Has::Plan, "octroi.change_plan('premium', 'month')"),
    (
        "create_api_key",
        Has::Nothing,
        "octroi.create_api_key('canary', '[{\"meter\": \"tokens\", \"period\": \"day\", \"amount\": 5}]')",
    ),
    ("export_my_data", Has::Nothing, "octroi.export_my_data()"),
    ("give_consent", Has::Nothing, "octroi.give_consent('news', '1')"),
    ("open_invoice", Has::Plan, "octroi.open_invoice('in_{hex_account}')"),
    ("open_portal", Has::Nothing, "octroi.open_portal('https://app.example/a')"),
    (
        "request_completion",
        Has::Nothing,
        "octroi.request_completion('{\"model\": \"gpt-5.4-mini\", \"input\": \"canary\"}')",
    ),
    ("restrict_api_key", Has::Nothing, "octroi.restrict_api_key('{key}', array['gpt-5.4-mini'])"),
    ("preview_change", Has::Plan, "octroi.preview_change('premium', 'month')"),
    ("resume_subscription", Has::EndingPlan, "octroi.resume_subscription()"),
    ("revoke_api_key", Has::Nothing, "octroi.revoke_api_key('{key}')"),
    ("rotate_api_key", Has::Nothing, "octroi.rotate_api_key('{key}')"),
    ("set_auto_top_up", Has::Plan, "octroi.set_auto_top_up('tokens_100k', 1, 500)"),
    ("set_default_output", Has::Nothing, "octroi.set_default_output(2048)"),
    ("set_notifications", Has::Nothing, "octroi.set_notifications(true, 'fr', 'Europe/Paris')"),
    ("set_overage", Has::Plan, "octroi.set_overage(true)"),
    (
        "start_checkout",
        Has::Nothing,
        "octroi.start_checkout('basic', 'month', 'https://app.example/a', 'https://app.example/b')",
    ),
    (
        "update_my_contact",
        Has::Plan,
        "octroi.update_my_contact('Canary', null, '+33123456789', 'fr', null, '{\"line1\": \"1 rue X\", \"country\": \"FR\"}')",
    ),
    ("withdraw_consent", Has::Nothing, "octroi.withdraw_consent('usage_alerts')"),
];

/// Those that only read, are nobody's to call, or are the deletion itself.
pub const NO_ACTS: [&str; 9] = [
    "billing_request",
    "change_preview",
    "completion",
    "delete_my_account",
    "my_data",
    "receipt",
    "receive_stripe_events",
    "team_invitations",
    "team_members",
];

/// What the worker and operators write about somebody.
pub const BY_OTHERS: [Act; 5] = [
    (
        "unsubscribe",
        Has::Nothing,
        "octroi.unsubscribe((select n.unsubscribe_token::text from octroi_private.notification_setting as n where n.user_id = '{user}'), true)",
    ),
    (
        "enqueue_mail",
        Has::Nothing,
        "octroi_private.enqueue_mail('{account}', '{user}', 'payment_failed', '{id}', '{}', now() + interval '1 day')",
    ),
    (
        "open_privacy_request",
        Has::Nothing,
        "octroi_private.open_privacy_request('{user}', 'access', 'operator')",
    ),
    (
        "reserve",
        Has::Nothing,
        "octroi_private.reserve('{id}', '{account}', null, '{user}', 'gpt-5.4-mini', 10, 10)",
    ),
    (
        "record_usage",
        Has::Nothing,
        "octroi_private.record_usage('{account}', '{user}', 'gpt-5.4-mini', 10, 10)",
    ),
];
