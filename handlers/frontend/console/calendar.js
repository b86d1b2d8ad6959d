/** The calendar: a campaign dragged to another day opens the page that says what this changes. */
import Sortable from "sortablejs";

/** Make the movable entries of the month draggable. */
export function listenToCalendar() {
  for (const day of document.querySelectorAll(".month-day[data-day]")) {
    const list = day.querySelector(".month-entries");
    Sortable.create(list, {
      group: { name: "month", put: !day.matches(".is-over") },
      sort: false,
      draggable: "[data-move]",
      delay: 150,
      delayOnTouchOnly: true,
      onAdd: ({ item }) => location.assign(`${item.dataset.move}?day=${encodeURIComponent(day.dataset.day)}`),
    });
  }
}
