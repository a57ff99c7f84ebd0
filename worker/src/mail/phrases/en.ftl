# What Octroi's mails say in English. Every language has the same messages with the same variables (a test compares
# them). Numbers arrive grouped as the language groups them; $plural is the CLDR category of the number beside it.
# $service is the operator's name as in the From header, $account a team's name.

## Numbers, amounts, dates

percent = { $number }%
money = { $currency } { $number }
tokens = { $plural ->
    [one] { $number } token
   *[other] { $number } tokens
}
requests = { $plural ->
    [one] { $number } request
   *[other] { $number } requests
}
date = { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
} { $year }
date-and-time = { $date } at { $time } ({ $zone })

## Around every mail

colon = :
about-account = { $subject } ({ $account })
service-mail = You get this mail because of your contract with { $service }. It cannot be unsubscribed from.
warning-mail = You get this mail because you use { $service }.
unsubscribe = Stop these warnings
invitation-mail = You get this mail because somebody entered this address at { $service }. If you do not know them, do nothing: nobody joins a team without accepting.
news-mail = You get this mail because you agreed that { $service } may send you news.
unsubscribe-news = Send no more news
upgrade = Upgrade the plan
top-up = Buy more

## A limit is being used up

threshold-subject = { $meter ->
    [requests] { $percent } of your requests are used
    [cost] { $percent } of your spending limit is used
   *[tokens] { $percent } of your tokens are used
}
threshold-account = You have used { $used } of the { $granted } that your plan and top-ups allow in this period.
threshold-team = The team “{ $account }” has used { $used } of the { $granted } that its plan and top-ups allow in this period.
threshold-member = You have used { $used } of the { $granted } that the team “{ $account }” allows you in this period.
threshold-own = You have used { $used } of the { $granted } that you are allowed in this period.
threshold-reached = The limit is reached. Until it resets or is raised, further calls are refused.
threshold-overage = The limit is reached. Further use is billed as overage, up to the spending cap that is set.
threshold-member-reached = Your limit is reached. Until it resets or is raised, your calls are refused.
threshold-plan = Plan
threshold-used = Used
threshold-left = Left
threshold-reset = Resets
threshold-reset-never = never
threshold-forecast = Forecast
threshold-runs-out = at the present rate it runs out on { $when }
threshold-lasts = at the present rate it lasts until the reset
threshold-lasts-on = at the present rate it will not run out
threshold-is-out = nothing is left
threshold-too-early = not known before a full day of use

## A payment failed

payment-failed-subject = Your payment failed
payment-failed-lead = We could not collect { $money } for the plan “{ $plan }”.
payment-failed-lead-bare = We could not collect { $money } for your subscription.
payment-failed-next = We will try again on { $when }. Please check your means of payment before then.
payment-failed-last = We will not try again by ourselves. Please pay the open invoice or change your means of payment.
payment-failed-effect = Until it is paid, no new quota is granted; what was already paid for stays usable.
payment-failed-amount = Amount
payment-failed-plan = Plan
payment-failed-do = Check the payment

## A subscription ended

subscription-ended-subject = Your subscription has ended
subscription-ended-lead = The plan “{ $plan }” ended on { $when }.
subscription-ended-fallback = Your account goes on with the plan “{ $plan }”.
subscription-ended-nothing = Calls are refused until you choose a plan.
subscription-ended-top-ups = What is left of your top-ups stays usable until it expires.
subscription-ended-do = Choose a plan

## A top-up was paid

top-up-received-subject = Your top-up has arrived
top-up-received-lead = We have received your payment and added { $amount }.
top-up-received-pack = Top-up
top-up-received-paid = Paid
top-up-received-expires = Expires
top-up-received-expires-never = never
top-up-received-left = Left in all
top-up-received-do = See your account

## An automatic top-up failed

auto-top-up-failed-subject = Your automatic top-up failed
auto-top-up-failed-lead = We tried to buy { $amount } for { $money } on your behalf, and it failed. Nothing was added.
auto-top-up-failed-reason = { $reason ->
    [card_declined] Your card was declined.
    [insufficient_funds] The card has insufficient funds.
    [expired_card] The card has expired.
    [authentication_required] Your bank asks you to confirm the payment in person.
    [no_payment_method] There is no means of payment that we may charge.
   *[other] Your bank or the payment service did not accept the payment.
}
auto-top-up-failed-off = The automatic top-up is off now. Please check your means of payment before you turn it on again, or buy more yourself.
auto-top-up-cap-subject = Your automatic top-up has reached its monthly limit
auto-top-up-cap-lead = Buying { $amount } for { $money } on your behalf would exceed what you allow in a month, so nothing was bought.
auto-top-up-cap-do = It goes on in your next month. Until then you can raise the limit, or buy more yourself.
auto-top-up-failed-check = Check the payment

## A team passed to somebody

new-owner-subject = You are the owner of the team now
new-owner-lead = Its owner has deleted their account, and the team has passed to you.
new-owner-transferred = Its owner has handed the team over to you, and is an admin of it now.
new-owner-plan = The plan “{ $plan }” goes on. The means of payment that it was paid with belonged to the former owner and has been removed, together with their name, address and tax id.
new-owner-subscription = Its subscription goes on. The means of payment that it was paid with belonged to the former owner and has been removed, together with their name, address and tax id.
new-owner-ask = Please add a means of payment and say whom invoices are for before the next payment is due.
new-owner-kept = Its subscription goes on, paid for as before: the former owner has left the means of payment and the billing address to the team. Please see whether they are right.
new-owner-unpaid = Nothing has to be paid for it at present.
new-owner-do = Add a means of payment
new-owner-see = See the billing

## An invitation to a team

invitation-subject = You are invited to a team
invitation-lead = { $inviter } invites you to the team “{ $account }”.
invitation-lead-bare = You are invited to the team “{ $account }”.
invitation-role = { $role ->
    [admin] As an admin you use the plan of the team, see what all of its members use, and look after members and billing.
   *[member] As a member you use the plan of the team. Its owner and admins see your address and what you use of it.
}
invitation-sign-in = Sign in, or sign up, with the address that this mail came to. The link works once.
invitation-until = Valid until
invitation-do = Answer the invitation

## News, in the operator's words

news-do = Read on

## Personal data were breached

breach-subject = Your personal data were affected by a security incident
breach-lead = On { $when } we learned of a security incident that affects personal data of yours. The law asks us to tell you, and we want you to know.
breach-consequences = What it may mean for you: { $text }
breach-measures = What we have done: { $text }
breach-advice = What you can do: { $text }
breach-contact = Questions

## The page behind the unsubscribe link

page-title = Warnings by mail
page-question = Stop the mails that warn you of limits being used up? Mails about payments and your contract still come.
page-button = Stop these warnings
page-done = Done. No more warnings will be sent to you.
page-unknown = This link is not valid any more. You can change what is sent to you in your settings.
page-away = This cannot be done just now. Please try again in a few minutes.
page-news-title = News by mail
page-news-question = Take back your consent to news by mail? Mails about payments and your contract still come.
page-news-button = Send no more news
page-news-done = Done. No more news will be sent to you.
