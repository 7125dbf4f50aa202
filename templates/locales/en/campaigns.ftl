campaigns-title = Campaigns
campaigns-none = No campaign is open at the moment.
campaigns-none-give = You can give to our work as a whole.
campaigns-all = All campaigns
campaigns-progress = How far the campaign has come
campaigns-raised = { $raised } of { $goal } raised
campaigns-also = besides
campaigns-gifts = { $count ->
    [one] { $number } gift
   *[other] { $number } gifts
}
campaigns-items = What is needed
campaigns-from = From
campaigns-until = Until
campaigns-state-draft = Draft
campaigns-state-live = Open
campaigns-state-outside = Not open today
campaigns-state-paused = Paused
campaigns-state-closed = Closed
